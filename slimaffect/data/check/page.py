"""A check as one page that holds everything and no face: it can be mailed and printed."""

from pathlib import Path

from slimaffect.data.check.check import Check
from slimaffect.data.check.sites import BINS, Spread
from slimaffect.data.check.tables import DASH, listed
from slimaffect.files import whole

HERE = Path(__file__).parent
WIDE, HIGH = 240, 48  # pixels of a histogram


def write_check(check: Check, path: Path) -> Path:
    """Write the page, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as file:
        file.write_text(page(check), "utf-8")
    return path


def page(check: Check) -> str:
    """Fill the template; names of files and folders are escaped by it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {"listed": listed, "bars": columns}
    return templates.get_template("page.html.jinja").render(check=check, dash=DASH, wide=WIDE, high=HIGH)


def columns(part: Spread) -> list[tuple[float, float, float, float]]:
    """A histogram's columns as x, y, width and height in pixels."""
    most, width = max(part.shares) or 1.0, WIDE / BINS
    heights = [round(HIGH * share / most, 1) for share in part.shares]
    return [(i * width, round(HIGH - high, 1), width - 1, high) for i, high in enumerate(heights)]
