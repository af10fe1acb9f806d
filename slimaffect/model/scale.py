"""A smaller shape from a given one: every width by the same factor, until a budget is met."""

from bisect import bisect_left
from collections.abc import Callable

from slimaffect.errors import ModelError
from slimaffect.model.spec import ModelSpec, PlainCnn, ResNetCnn, ResNetStage

STEP, LEAST = 16, 8  # widths in multiples of 16 run fastest on CPUs; below 16 there is 8
FACTORS = 400  # fine enough that no rounding of a width below 200 is skipped


def within(spec: ModelSpec, figure: Callable[[ModelSpec], float], asked: float) -> ModelSpec:
    """Answer the largest of the scaled shapes whose figure (a count, or a time) is not above what is asked.

    CNN widths, bottleneck and LSTM units shrink together; depth, picture size and dropout stay.

    Raises:
        ModelError: no width is small enough; both figures are told.

    >>> from slimaffect.model.count import macs_per_frame
    >>> from slimaffect.model.shapes import shape
    >>> within(shape("reference"), macs_per_frame, 1e6).cnn.widths
    (16, 16, 32, 48)
    """
    shapes = _shapes(spec)
    at = bisect_left(range(len(shapes)), x=True, key=lambda number: figure(shapes[number]) <= asked)
    if at == len(shapes):
        raise ModelError(
            f"auto: the student may have {asked:,.5g}, the teacher has {figure(spec):,.5g} and its shape with the "
            f"least widths still {figure(shapes[-1]):,.5g}. Ask for that or more, or name a shape with fewer layers."
        )
    return shapes[at]


def _shapes(spec: ModelSpec) -> list[ModelSpec]:
    """List the shape itself and every different scaled one, the largest first."""
    found = [spec, *(scaled(spec, number / FACTORS) for number in range(FACTORS, 0, -1))]
    return [shape for number, shape in enumerate(found) if number == 0 or shape != found[number - 1]]


def scaled(spec: ModelSpec, factor: float) -> ModelSpec:
    """Multiply every width by a factor, rounded, and never above what it was.

    >>> from slimaffect.model.shapes import shape
    >>> smaller = scaled(shape("reference"), 0.5)
    >>> smaller.cnn.widths, smaller.features, smaller.lstm.hidden
    ((16, 32, 48, 64), 16, 32)
    """
    cnn = _plain(spec.cnn, factor) if isinstance(spec.cnn, PlainCnn) else _resnet(spec.cnn, factor)
    lstm = spec.lstm.model_copy(update={"hidden": width(spec.lstm.hidden, factor)})
    return spec.model_copy(update={"cnn": cnn, "features": width(spec.features, factor), "lstm": lstm})


def width(given: int, factor: float) -> int:
    """Scale one width.

    >>> [width(64, factor) for factor in (1, 0.7, 0.3, 0.1)]
    [64, 48, 16, 8]
    """
    return min(given, max(LEAST, STEP * round(given * factor / STEP)))


def _plain(cnn: PlainCnn, factor: float) -> PlainCnn:
    return cnn.model_copy(update={"widths": tuple(width(given, factor) for given in cnn.widths)})


def _resnet(cnn: ResNetCnn, factor: float) -> ResNetCnn:
    stages = tuple(_stage(stage, factor) for stage in cnn.stages)
    return cnn.model_copy(update={"stem_width": width(cnn.stem_width, factor), "stages": stages})


def _stage(stage: ResNetStage, factor: float) -> ResNetStage:
    inner = tuple(tuple(width(given, factor) for given in block) for block in stage.inner)
    return stage.model_copy(update={"width": width(stage.width, factor), "inner": inner})
