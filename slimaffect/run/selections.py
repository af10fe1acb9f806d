"""Which clips each selection kept, beside the result: a list and a picture for each variant that selects."""

from pathlib import Path
from typing import Any

from slimaffect.execute.cache import write_json
from slimaffect.report.coverage import write_coverage
from slimaffect.run.finished import Finished, Records

FOLDER, STEP = "selections", "subset"


def write_selections(everything: list[Finished], records: Records, folder: Path) -> list[Path]:
    """Write `selections/<variant>.json` and `.png`; selectors that keep all clips have nothing to list."""
    written = []
    for one in everything:
        found = _tallies(one, records)
        if not found:
            continue
        target = folder / FOLDER / f"{one.variant.name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_json(target, found)
        write_coverage(found, target.with_suffix(".png"))
        written += [target, target.with_suffix(".png")]
    return written


def _tallies(one: Finished, records: Records) -> dict[str, Any]:
    """Answer what each fold of the first seed kept, and what the model that ships did."""
    seed = one.shipped.seed
    links = [link for link in one.links.values() if link.step == STEP and link.seed == seed and not link.deploy]
    return {
        f"{link.held_out} held out" if link.held_out else "all sites": records[link.key]["figures"][STEP]
        for link in links
        if STEP in records[link.key]["figures"]
    }
