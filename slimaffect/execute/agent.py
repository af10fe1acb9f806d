"""torchrun, tied to the life of the worker that started it."""

import os
import sys

from slimaffect.execute.lifeline import die_with_parent

AGENT = "SLIMAFFECT_AGENT"
"""Variable that tells each rank the number of the process that must not outlive it."""


def main() -> None:
    """Run torchrun with the given arguments, the first of which is the parent's number; die with the parent."""
    die_with_parent(int(sys.argv[1]))
    os.environ[AGENT] = str(os.getpid())
    from torch.distributed.run import main as torchrun

    torchrun(sys.argv[2:])


if __name__ == "__main__":
    main()
