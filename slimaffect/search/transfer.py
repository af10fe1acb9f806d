"""What an earlier search found, as a start for this one; never where it has seen who is held out now."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from slimaffect.data.clips import Clips
from slimaffect.errors import RunError
from slimaffect.search.space import Values
from slimaffect.settings import NamedFile

FOUND = "tune"


@dataclass(frozen=True)
class Earlier:
    """The best choices of an earlier search, the best first, and what it froze."""

    top: tuple[Values, ...]
    frozen: Values


def people(clips: Clips) -> dict[str, str]:
    """Answer for each site a hash of who and what was recorded there: so findings know whom they have seen."""
    digests: dict[str, list[str]] = defaultdict(list)
    for recording in clips.recordings:
        digests[recording.site].append(f"{recording.subject}/{recording.name} {recording.digest}")
    return {site: hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()[:16] for site, found in digests.items()}


def earlier_findings(file: NamedFile | None, clips: Clips) -> Earlier | None:
    """Read the findings of a result that may be used for these clips; None without a file.

    Findings may be used if all they have seen is here too, or if their whole dataset has nothing to do with this one.
    Anything else has seen somebody who may be held out now.

    Raises:
        RunError: the result holds no findings, or none that may be used.
        ModelError: the file is another one than was declared.
    """
    if file is None:
        return None
    found = list(_findings(file))
    if not found:
        raise RunError(f"{file.path} holds no findings of `tune`. Give the result.json of a recipe with that step.")
    here = set(people(clips).values())
    usable = [one for one in found if set(one["people"].values()) <= here]
    if not usable and not here & {person for one in found for person in one["people"].values()}:
        usable = found
    if not usable:
        raise RunError(
            f"{file.path}: its {len(found)} findings have all seen people that are not in this fold's training sites, "
            "and may be held out. Run the earlier recipe leave-one-site-out on the same data, or on other data."
        )
    best = max(usable, key=lambda one: (len(one["people"]), one["score"] or 0.0))
    return Earlier(tuple(best["top"]), best["frozen"])


def _findings(file: NamedFile) -> Iterable[dict[str, Any]]:
    import json

    try:
        result = json.loads(file.verified().read_text(encoding="utf-8"))
        entries = result["ledger"]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file.path} is no result of `slim run` ({error}). Give its result.json.") from error
    return (entry["found"][FOUND] for entry in entries if (entry.get("found") or {}).get(FOUND))
