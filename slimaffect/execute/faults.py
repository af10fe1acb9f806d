"""What went wrong at a task, in a sentence that says what to do."""

import errno
import shutil
from pathlib import Path

from slimaffect.errors import RunError, SlimError
from slimaffect.execute.heartbeat import FENCED, HUNG
from slimaffect.execute.task import Task


def explained(error: Exception, task: Task, cache: Path) -> SlimError | None:
    """Turn an error of the machine into one that a person can act on; None for an error of the program."""
    if isinstance(error, SlimError):
        return error
    if _out_of_memory(error):
        return RunError(f"out of memory at {task.name}. {_smaller(task)} What finished is kept.")
    if _disk_is_full(error):
        free = shutil.disk_usage(cache).free / 1e6
        return RunError(
            f"the disk is full at {task.name}: {free:,.0f} MB are free under {cache}. Free some (`slim cache show`, "
            "`slim cache clear`) or choose another place with --cache PATH, and run the same command again."
        )
    return None


def _out_of_memory(error: Exception) -> bool:
    """GPU memory has an error class of its own; the CPU's comes as MemoryError or as torch's allocator says it."""
    if isinstance(error, MemoryError) or type(error).__name__ in {"OutOfMemoryError", "AcceleratorError"}:
        return "memory" in f"{type(error).__name__} {error}".lower()
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _disk_is_full(error: Exception) -> bool:
    """The system says it by number; safetensors in words, and torch only that it could not write."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return any(words in str(error) for words in ("No space left on device", "file write failed"))


def _smaller(task: Task) -> str:
    """Suggest half of the largest batch that the task's step trains with."""
    settings = {} if task.deploy else task.steps[-1].model_dump(mode="json")
    found = {path: size for path, size in _batches(settings, task.step)}  # noqa: C416  (a pair each)
    if not found:
        return "Give it a larger machine, or fewer tasks at once with --workers."
    path, size = max(found.items(), key=lambda pair: pair[1])
    return (
        f"Try half the batch: --set {path}={max(1, size // 2)} (it is {size}), or fewer tasks at once with --workers."
    )


def _batches(settings: dict, path: str) -> list[tuple[str, int]]:
    found = []
    for name, value in settings.items():
        if isinstance(value, dict):
            found += _batches(value, f"{path}.{name}")
        elif name == "batch" and isinstance(value, int):
            found.append((f"{path}.{name}", value))
    return found


def of_exit(code: int | None, attempts: int) -> str:
    """Say why a process ended that nobody ended."""
    known = {
        -9: "; -9 usually means out of memory. Try --workers 1.",
        HUNG: " (it hung: no frame passed and no processor was used). Look at the disk or network it reads from.",
        FENCED: " (another process had taken the task over).",
        -7: "; -7 (SIGBUS) is a mapped file that could not be read: a full disk, or a network file system. "
        "Set execution.scratch to a folder on the node's own disk.",
    }
    return f"its process died {attempts} times, last with exit code {code}{known.get(code or 0, '.')}"
