"""Hair on a drawn head: what falls behind it, what frames the face, and what grows on it."""

import numpy as np

from slimaffect.data.synthetic import relief
from slimaffect.data.synthetic.canvas import (
    HEIGHT,
    WIDTH,
    Layer,
    Points,
    curve,
    ellipse,
    filled,
    grid,
    mirrored,
    softened,
    stroke,
    unit_variance,
)
from slimaffect.data.synthetic.identity import Identity


def strands(person: Identity, light: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Colour of the hair everywhere on the canvas: strands from the crown, one soft sheen."""
    x, y = grid()
    # A strand runs from the crown along a meridian of the skull, and straight down below it.
    girth = np.sqrt(np.maximum(1 - np.minimum((y + 0.1) / 1.12, 0) ** 2, 0.02)) * (1 + 0.05 * np.maximum(y, 0))
    thick = np.convolve(random.standard_normal(700), np.hanning(5), mode="same")
    tone = 1 + 0.13 * np.interp(x / girth * 80 + 350 + 2 * np.sin(4 * y), np.arange(700), thick / thick.std())
    towards = light / np.linalg.norm(light)
    round_light = 0.78 + 0.42 * np.clip(
        0.9 * x * towards[0] - 0.5 * (y + 0.4) * -towards[1] + 0.4 * towards[2], -0.6, 0.8
    )
    sheen = np.exp(-0.5 * ((np.hypot(x * 0.95, y + 0.05) - 0.93) / 0.07) ** 2) * (y < -0.3)
    colour = np.array(person.hair_colour, np.float32) * (tone * round_light)[..., None]
    return (colour + (30 * sheen * np.clip(tone, 0.6, 1.4))[..., None]).astype(np.float32)


def depth() -> np.ndarray:
    """Hair behind the head is dark towards the neck and light at its outside."""
    x, y = grid()
    return (0.50 + 0.36 * np.clip((np.abs(x) - 0.45) / 0.45, 0, 1) + 0.10 * np.clip(y - 0.9, 0, 1))[..., None]


def behind(person: Identity) -> Layer:
    """How much long hair covers behind head and neck."""
    if person.hair not in {"shoulder", "long"}:
        return np.zeros((HEIGHT, WIDTH), np.float32)
    bottom = 0.82 if person.hair == "shoulder" else 1.30
    w = person.width
    right = curve(
        *((0.0, -1.0), (0.50 * w, -0.88), (0.75 * w, -0.52), (0.85 * w, -0.10), (0.92 * w, 0.40)),
        *((0.89 * w, bottom), (0.55 * w, bottom + 0.06), (0.30, bottom - 0.1)),
    )
    return filled(np.concatenate([right, mirrored(right)[::-1]]))


def framing(person: Identity, random: np.random.Generator) -> Layer:
    """The hair that frames the face: from the crown down to a hairline of its own."""
    if person.hair == "bald":
        return np.zeros((HEIGHT, WIDTH), np.float32)
    line = {"short": -0.70, "full": -0.64, "shoulder": -0.66, "long": -0.70}[person.hair] + person.hairline
    volume = {"short": 0.05, "full": 0.12, "shoulder": 0.10, "long": 0.09}[person.hair]
    end = {"short": -0.16, "full": -0.02, "shoulder": 0.66, "long": 1.02}[person.hair]
    part = random.uniform(-0.28, 0.28)
    return filled(*(_half(person, side, (line, volume, end, part * side), random) for side in (1.0, -1.0)))


def _half(
    person: Identity, side: float, style: tuple[float, float, float, float], random: np.random.Generator
) -> Points:
    """One side of the frame: outside from the crown to where it ends, and back up along a ragged hairline."""
    line, volume, end, part = style
    w, top = person.width, relief.CROWN * person.height - volume
    brim = 0.78 * w + volume * 0.6
    outer = curve(
        (part, top), (0.45 * w, top + 0.10), (brim - 0.02, -0.48), (brim, -0.16), (0.74 * w + volume * 0.4, end)
    )
    inner = curve(
        (0.73 * w, end - 0.02), (0.705 * w, 0.5 * end - 0.10), (0.685 * w, -0.32),
        (0.60 * w, -0.52), (0.36 * w, line + 0.03), (part, line - 0.05), points=70,
    )  # fmt: skip
    inner[14:-1, 1] += random.normal(0, 0.016, len(inner) - 15)
    return np.concatenate([outer, inner]) * np.array([side, 1.0])


def beard(person: Identity) -> Layer:
    """How much hair covers the lower face."""
    x, y = grid()
    cover = np.zeros_like(x)
    mouth = 0.58 + person.mouth_height
    if person.moustache:
        wing = curve((0.0, mouth - 0.105), (0.13, mouth - 0.10), (0.25, mouth - 0.01))
        cover = np.maximum(cover, 0.85 * (stroke(wing, 0.07, 0.018) + stroke(mirrored(wing), 0.07, 0.018)).clip(0, 1))
    if person.beard:
        cheek = 1 / (1 + np.exp(-(y - 0.34 - 0.5 * (0.62 - np.abs(x))) / 0.05))
        lips = 1 - softened(filled(ellipse(0, mouth + 0.03, 0.29, 0.14)), 0.03)
        cover = np.maximum(cover, 0.82 * cheek * lips * filled(relief.outline(person)))
    return cover.astype(np.float32)


def stubble(person: Identity, brightness: Layer, random: np.random.Generator) -> np.ndarray:
    """Colour of a beard: short hair, finely speckled."""
    speckle = 1 + 0.10 * unit_variance(softened(random.standard_normal((HEIGHT, WIDTH)).astype(np.float32), 0.009))
    return (np.array(person.hair_colour, np.float32) * (0.80 * speckle * brightness)[..., None]).astype(np.float32)
