"""What an import noticed: every file and row that it does not use, as a problem with a reason."""

from collections.abc import Iterator
from contextlib import contextmanager

from slimaffect.data.labels import LabelError
from slimaffect.data.problems import Problem
from slimaffect.errors import VideoError

LONGEST_SHOWN = 300  # characters of a problem's text: a hostile cell is not repeated at length


def shown(text: object) -> str:
    r"""Text from a file as it may be printed: on one line, without control characters, not too long.

    >>> shown("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    plain = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text)[: LONGEST_SHOWN + 1])
    return plain if len(plain) <= LONGEST_SHOWN else plain[: LONGEST_SHOWN - 1] + "…"


class Notes:
    """The problems of one import, in the order in which they were found."""

    def __init__(self) -> None:
        """Begin with none."""
        self.problems: list[Problem] = []

    def aside(self, where: str, what: str, next_: str) -> None:
        """Something is not used."""
        self.problems.append(Problem(shown(where), shown(what), shown(next_)))

    def warn(self, where: str, what: str, next_: str) -> None:
        """Something is used, or was never meant to be, and a reader must know."""
        self.problems.append(Problem(shown(where), shown(what), shown(next_), "warning"))

    @contextmanager
    def about(self, where: str) -> Iterator[None]:
        """Read one recording: what makes it unusable becomes a problem, and the import goes on."""
        try:
            yield
        except LabelError as error:
            self.aside(where, error.what, error.next)
        except VideoError as error:
            what, _, next_ = str(error).partition(". ")
            self.aside(where, what, next_ or "Copy or convert it again")
        except OSError as error:
            self.aside(where, f"cannot be read: {error.strerror or error}", "Check the file and who may read it")
