"""What is installed beside us."""

from importlib.metadata import PackageNotFoundError, version


def installed(package: str) -> str | None:
    """Answer the version of a package, None where it is not installed.

    >>> installed("no-such-package") is None
    True
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return None
