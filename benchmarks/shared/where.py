"""Where and when figures were measured: what stands beside every committed number."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")
"""What decides how fast a core multiplies; the name of a virtual machine's processor does not tell."""


def where() -> dict[str, Any]:
    """Describe the machine, the day and the commit; no name of a host or person."""
    told = _cpuinfo()
    words = set(told.get("flags", "").split())
    return {
        "cpu": told.get("model name", platform.machine()),
        "instructions": [one for one in INSTRUCTIONS if one in words],
        "cores": os.cpu_count(),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
    }


def _cpuinfo() -> dict[str, str]:
    """Read what Linux says of the first core; nothing elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().split("\n\n")[0].splitlines() if info.exists() else []
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


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
