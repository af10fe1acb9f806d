"""The environment that a worker starts in: read once, by libraries that it loads before it runs a line of ours."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
MEMORY = "GLIBC_TUNABLES"

# A step of training takes and gives back the same large blocks. By default glibc hands blocks of some megabytes back to
# the kernel at once, which fills each with zeros again, 4 kB at a time. Kept, and in pages of 2 MB, they cost a step a
# tenth to a quarter less on a CPU (docs/methods/train.md). Other C libraries ignore the variable.
KEPT = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in {"mmap_threshold": 2**31, "trim_threshold": 2**32, "top_pad": 2**26, "hugetlb": 1}.items()
)


def surroundings(threads: int) -> dict[str, str]:
    """Answer a worker's variables; what the user says of memory stands."""
    return dict.fromkeys(THREADS, str(threads)) | {MEMORY: os.environ.get(MEMORY, KEPT)}


@contextmanager
def surrounded(threads: int) -> Iterator[None]:
    """Set the variables while workers start, and put the old ones back."""
    ours = surroundings(threads)
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
