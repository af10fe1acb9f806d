"""Where and when figures were measured: what stands beside every committed number."""

from typing import Any

from slimaffect.run.environment import environment


def where() -> dict[str, Any]:
    """Describe the machine, the day and the commit; no name of a host or person."""
    told = environment(threads=1)
    return {"cpu": told.cpu, "cores": told.cores, "date": (told.date or "")[:10], "commit": told.commit}
