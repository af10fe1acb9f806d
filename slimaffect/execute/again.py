"""`--retry-failed`: tasks that failed begin anew, without what they had kept; what they cost stays on the bill."""

import shutil
from pathlib import Path

from rich.console import Console

from slimaffect.execute.cache import Cache
from slimaffect.execute.ledger import newest, read_ledger

CHECKPOINT = "checkpoint"


def failed_tasks(folder: Path) -> dict[str, str]:
    """Read the names of the tasks that failed in the last run and have not been finished since, by key."""
    path = newest(folder)
    names, failed = dict[str, str](), dict[str, None]()
    for line in read_ledger(path) if path else ():
        if line["what"] == "planned":
            names[line["key"]] = line["name"]
        elif line["what"] == "failed":
            failed[line["key"]] = None
        elif line["what"] == "finished":
            failed.pop(line["key"], None)
    return {key: names.get(key, key) for key in failed}


def begin_failed_anew(folder: Path, cache: Cache, console: Console) -> None:
    """Delete the checkpoints of the failed tasks: one may be what they fail at."""
    failed = failed_tasks(folder)
    for key, name in failed.items():
        shutil.rmtree(cache.partial(key) / CHECKPOINT, ignore_errors=True)
        console.print(f"begins anew: {name}", markup=False, highlight=False)
    if not failed:
        console.print("No task failed in the last run; what is unfinished goes on.", highlight=False)
