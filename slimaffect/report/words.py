"""How numbers are written: the same in the terminal, on the page and in pictures. What was not measured is a dash."""

from collections.abc import Sequence
from math import floor, log10

DASH = "–"
MINUS = "−"


def plain(value: float | None, digits: int = 3) -> str:
    """Write a number with a true minus sign.

    >>> plain(-0.0123), plain(None), plain(-0.0001)
    ('−0.012', '–', '0.000')
    """
    if value is None:
        return DASH
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """Write a difference, its sign always shown.

    >>> signed(0.004), signed(-0.012), signed(0.0)
    ('+0.004', '−0.012', '0.000')
    """
    text = plain(value, digits)
    return text if value is None or value < 0 or float(text) == 0 else f"+{text}"


def span(ends: tuple[float, float] | None, digits: int = 3) -> str:
    """Write an interval of levels.

    >>> span((0.41, 0.52), 2), span(None)
    ('0.41 to 0.52', '–')
    """
    return DASH if ends is None else f"{plain(ends[0], digits)} to {plain(ends[1], digits)}"


def signed_span(ends: tuple[float, float] | None, digits: int = 3) -> str:
    """Write an interval of differences.

    >>> signed_span((-0.028, 0.004))
    '−0.028 to +0.004'
    """
    return DASH if ends is None else f"{signed(ends[0], digits)} to {signed(ends[1], digits)}"


def figures(value: float | None, digits: int = 3) -> str:
    """Write a positive quantity with so many significant figures, without an exponent.

    >>> figures(0.012345), figures(2.345), figures(23.45), figures(23450.0), figures(0.0)
    ('0.0123', '2.35', '23.4', '23,450', '0')
    """
    if value is None:
        return DASH
    if value == 0:
        return "0"
    places = max(0, digits - 1 - floor(log10(abs(value))))
    return f"{value:,.{places}f}".replace("-", MINUS)


def count(value: float | None) -> str:
    """Write a large count shortly.

    >>> count(532), count(11_234), count(4_120_000), count(2.5e9), count(None)
    ('532', '11.2 k', '4.12 M', '2.50 G', '–')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value is not None and value >= size:
            return f"{figures(value / size)} {letter}"
    return DASH if value is None else f"{value:.0f}"


def seconds(value: float | None) -> str:
    """Write a duration in its own unit.

    >>> seconds(0.0021), seconds(42.0), seconds(750), seconds(16_560), seconds(None)
    ('2.10 ms', '42.0 s', '12 min 30 s', '4 h 36 min', '–')
    """
    if value is None:
        return DASH
    if value < 1:
        return f"{figures(value * 1e3)} ms"
    if value < 120:
        return f"{figures(value)} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def joules(value: float | None) -> str:
    """Write an energy in its own unit.

    >>> joules(0.0042), joules(12.0), joules(45_600), joules(7.2e6), joules(None)
    ('4.20 mJ', '12.0 J', '45.6 kJ', '2.00 kWh', '–')
    """
    if value is None:
        return DASH
    for size, unit in ((3.6e6, "kWh"), (1e3, "kJ"), (1.0, "J")):
        if value >= size:
            return f"{figures(value / size)} {unit}"
    return f"{figures(value * 1e3)} mJ"


def times(factor: float | None) -> str:
    """Write how many times as much.

    >>> times(11.24), times(1.318), times(None)
    ('11 ×', '1.3 ×', '–')
    """
    if factor is None:
        return DASH
    return f"{factor:.0f} ×" if factor >= 9.95 else f"{factor:.1f} ×"


def percent(share: float | None) -> str:
    """Write a share of a whole.

    >>> percent(0.0), percent(0.004), percent(0.123), percent(None)
    ('0 %', '0.4 %', '12 %', '–')
    """
    if share is None:
        return DASH
    return f"{share:.0%}".replace("%", " %") if share == 0 or share >= 0.0995 else f"{100 * share:.1f} %"


def ratio(before: float | None, after: float | None) -> float | None:
    """Divide, where both were measured and the second is not 0.

    >>> ratio(22.0, 2.0), ratio(None, 2.0), ratio(1.0, 0.0)
    (11.0, None, None)
    """
    return None if before is None or not after else before / after


def listed(names: Sequence[str], most: int = 6) -> str:
    """Join names into a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    shown = list(names) if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def chance(share: float | None) -> str:
    """Write how likely something is, in whole percent; what is not quite none or all is never called so.

    >>> chance(0.934), chance(0.9996), chance(1.0), chance(0.001), chance(None)
    ('93 %', 'over 99 %', '100 %', 'under 1 %', '–')
    """
    if share is None:
        return DASH
    if 0.995 < share < 1:
        return "over 99 %"
    return "under 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"
