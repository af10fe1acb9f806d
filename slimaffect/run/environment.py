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

INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "asimddp", "i8mm", "sve", "bf16")
"""Of x86 and of ARM, as Linux names them."""


def environment(threads: int, device: str = "cpu") -> Environment:
    """Describe this machine and its software; no name of a host or person."""
    return Environment(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        platform=f"{platform.system()} {platform.machine()}",
        cpu=processor(),
        cores=os.cpu_count(),
        threads=threads,
        gpu=_gpu() if device == "cuda" else None,
        python=platform.python_version(),
        packages={name: found for name in PACKAGES if (found := installed(name))},
        commit=_commit(),
    )


def processor() -> str | None:
    """Name the processor and its vector instructions: virtual machines of one name may be three times apart."""
    try:
        return described(Path("/proc/cpuinfo").read_text())
    except OSError:
        return platform.processor() or None


def described(cpuinfo: str) -> str:
    r"""Name the first processor that Linux tells of.

    >>> described("processor : 0\nmodel name : AMD EPYC\nflags : fpu avx2 avx512_bf16 ht\n")
    'AMD EPYC (avx2, avx512_bf16)'
    """
    told: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in cpuinfo.splitlines()):
        told.setdefault(name.strip(), value.strip())
    has = told.get("flags", told.get("Features", "")).split()
    wide = ", ".join(name for name in INSTRUCTIONS if name in has)
    return told.get("model name", platform.machine()) + (f" ({wide})" if wide else "")


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
