"""What `slim export` prints."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from slimaffect.export.tensorrt import Engine


def engine_table(engines: Sequence[Engine]) -> Table:
    """A line for each engine, and under it its layers by type and number format."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in ("engine", "for", "sizes", "MB", "s", "layers"):
        shown.add_column(title, overflow="fold")
    for engine in engines:
        batch, time = ("-".join(map(str, (axis[0], axis[2]))) for axis in (engine.profile.batch, engine.profile.time))
        kinds = ", ".join(f"{count} {kind}" for kind, count in engine.layers.items())
        shown.add_row(
            escape(engine.file.name),
            f"{engine.builder} {engine.version}: {', '.join(engine.capabilities)}",
            f"batch {batch}, time {time}",
            f"{engine.file.stat().st_size / 1e6:.2f}",
            f"{engine.seconds:.1f}",
            kinds,
        )
    return shown
