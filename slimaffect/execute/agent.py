"""torchrun, tied to the life of the worker that started it."""

import sys

from slimaffect.execute.lifeline import die_with_parent


def main() -> None:
    """Run torchrun with the given arguments; die with the parent."""
    die_with_parent()
    from torch.distributed.run import main as torchrun

    torchrun(sys.argv[1:])


if __name__ == "__main__":
    main()
