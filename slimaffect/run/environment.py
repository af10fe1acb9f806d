"""Where and with what a run was made."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import slimaffect
from slimaffect.packages import installed
from slimaffect.result import Environment

PACKAGES = ("slimaffect", "torch", "torch-pruning", "onnx", "onnxruntime-gpu", "onnxruntime", "openvino", "numpy", "av")


def environment(threads: int, device: str = "cpu") -> Environment:
    """Describe this machine and its software; no name of a host or person."""
    return Environment(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        platform=f"{platform.system()} {platform.machine()}",
        cpu=_cpu(),
        cores=os.cpu_count(),
        threads=threads,
        gpu=_gpu() if device == "cuda" else None,
        python=platform.python_version(),
        packages={name: found for name in PACKAGES if (found := installed(name))},
        commit=_commit(),
    )


def _cpu() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _gpu() -> str:
    import torch

    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return f"{len(names)} x {names[0]}" if len(names) > 1 else names[0]


def _commit() -> str | None:
    """Name the commit of a source tree, with a plus if it was changed since; None for an installed package."""
    root = Path(slimaffect.__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        told = [_git(root, "rev-parse", "--short", "HEAD"), _git(root, "status", "--porcelain", "--untracked-files=no")]
    except (OSError, subprocess.CalledProcessError):
        return None
    return told[0] + ("+" if told[1] else "")


def _git(root: Path, *arguments: str) -> str:
    told = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return told.stdout.strip()
