"""`python -m slimaffect.cli` is `slim`."""

from slimaffect.cli import main

if __name__ == "__main__":
    main()
