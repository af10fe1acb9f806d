"""One size of crop for a whole recipe: what `data` prepares is what every model in it reads."""

from collections.abc import Iterator
from typing import Any

from slimaffect.recipe.complaints import Complaint, shown
from slimaffect.recipe.document import Path


def specs(value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Find every model that is written out, as the full model or as a student."""
    if isinstance(value, dict) and "cnn" in value:
        yield path, value
        return
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, inner in entries:
        yield from specs(inner, (*path, key))


def with_pixels(value: Any, pixels: Any) -> Any:
    """Return the values with `pixels` in every model that does not say it."""
    if isinstance(value, dict):
        own = {"pixels": pixels} if "cnn" in value else {}
        return {**own, **{key: with_pixels(inner, pixels) for key, inner in value.items()}}
    return [with_pixels(inner, pixels) for inner in value] if isinstance(value, list) else value


def disagreements(value: Any, pixels: int) -> list[Complaint]:
    """Complain about every model that reads crops of another size than `data` prepares."""
    what, next_ = "the model reads {} pixels and `data` prepares `{}`", "Make them equal, or leave the model's out"
    return [
        Complaint((*path, "pixels"), what.format(shown(spec["pixels"]), pixels), next_)
        for path, spec in specs(value)
        if isinstance(spec.get("pixels"), int) and spec["pixels"] != pixels
    ]
