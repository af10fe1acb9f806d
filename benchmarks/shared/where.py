"""Where and when figures were measured: what stands beside every committed number."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def where() -> dict[str, Any]:
    """Describe the machine, the day and the commit; no name of a host or person."""
    return {"cpu": _cpu(), "cores": os.cpu_count(), "date": datetime.now(UTC).date().isoformat(), "commit": _commit()}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str | None:
    """Name the commit, with a plus if the tree was changed since; None outside a repository."""
    try:
        told = [_git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")]
    except (OSError, subprocess.CalledProcessError):
        return None
    return told[0] + ("+" if told[1] else "")


def _git(*arguments: str) -> str:
    here = Path(__file__).parent
    told = subprocess.run(["git", "-C", str(here), *arguments], capture_output=True, text=True, check=True)
    return told.stdout.strip()
