"""The still part of a drawn head: skin, neck and ears, with hair around them, painted once per recording."""

import numpy as np
from jaxtyping import Float

from slimaffect.data.synthetic import hair, relief
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
    pair,
    softened,
    spot,
    stroke,
    unit_variance,
)
from slimaffect.data.synthetic.identity import Identity

Picture = Float[np.ndarray, "height width 4"]  # blue, green, red in [0, 255], cover in [0, 1]
SHADOW = np.array([1.15, 1.07, 0.95], np.float32)  # skin in shadow turns red: light leaves it after a way inside


def paint(person: Identity, light: np.ndarray, ambient: float, random: np.random.Generator) -> tuple[Picture, Layer]:
    """Paint a head with closed-over eye sockets and no mouth; what moves is drawn over it frame by frame.

    Also says where the face is bare skin, in [0, 1].
    """
    picture = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    brightness = relief.lit(relief.height_map(person), light, ambient)
    skin = _skin(person, brightness, random)
    strands = hair.strands(person, light, random)
    _over(picture, strands * hair.depth(), hair.behind(person))
    _over(picture, _neck(person, light, ambient), filled(_neck_shape(person)))
    _over(picture, skin * 0.86, _ears(person))
    face, fringe = filled(relief.outline(person)), hair.framing(person, random)
    _over(picture, skin, face)
    _over(picture, hair.stubble(person, brightness, random), hair.beard(person))
    _over(picture, strands, fringe)
    picture[..., 3] = softened(picture[..., 3], 0.008)
    return picture, face * (1 - fringe)


def _over(picture: Picture, colour: np.ndarray, cover: Layer) -> None:
    """Paint a colour over the picture where it covers; the colour is kept beyond the edge so that edges stay clean."""
    bare = picture[..., 3:] == 0
    share = np.where(bare, (cover[..., None] > 0).astype(np.float32), cover[..., None])
    picture[..., :3] += share * (colour - picture[..., :3])
    picture[..., 3] = np.maximum(picture[..., 3], cover)


def _skin(person: Identity, brightness: Layer, random: np.random.Generator) -> np.ndarray:
    """Colour of the skin everywhere on the canvas: mottled, reddened, wrinkled, lit."""
    grain = random.standard_normal((2, HEIGHT, WIDTH)).astype(np.float32)
    mottle = 1 + 0.022 * unit_variance(softened(grain[0], 0.07)) + 0.018 * unit_variance(softened(grain[1], 0.012))
    lines = (relief.folds(person) * np.array([0.55, 0.7, 0.3, 0.7, 0.0, 0.3], np.float32)[:, None, None]).sum(axis=0)
    shade = brightness * relief.hollows(person) * mottle * (1 + person.age * lines)
    red = relief.blood(person)[..., None] * np.array([-0.13, -0.10, 0.02], np.float32)
    colour = np.array(person.skin, np.float32) * (1 + red) * shade[..., None] ** SHADOW
    tip = 0.30 * person.nose_length
    colour *= 1 - _nose_lines(person, tip)[..., None]
    gloss = spot(0.02, tip - 0.04, 0.03, 0.025) + 0.5 * spot(0, -0.58, 0.22, 0.09) + 0.4 * pair(0.36, 0.06, 0.08, 0.05)
    return colour + (26 * gloss * np.clip(brightness - 0.6, 0, 1))[..., None]


def _nose_lines(person: Identity, tip: float) -> Layer:
    """How dark nostrils and the edges of the nose's wings are."""
    hole = ellipse(0.055 * person.nose_width, tip + 0.078, 0.026, 0.013)
    edge = 0.150 * person.nose_width
    wing = curve((edge - 0.030, tip - 0.045), (edge, tip + 0.015), (edge - 0.022, tip + 0.072))
    dark = 0.66 * softened(filled(hole, mirrored(hole)), 0.008)
    return dark + 0.24 * (stroke(wing, 0.018, 0.009) + stroke(mirrored(wing), 0.018, 0.009))


def _neck_shape(person: Identity) -> Points:
    side = curve((0.40 * person.width, 0.55), (0.37 * person.width, 0.95), (0.42 * person.width, 1.16))
    throat = curve((0.42 * person.width, 1.16), (0.22, 1.34), (0.0, 1.40))
    right = np.concatenate([side, throat])
    return np.concatenate([right, mirrored(right)[::-1]])


def _neck(person: Identity, light: np.ndarray, ambient: float) -> np.ndarray:
    """The neck, a cylinder in the shadow of the chin."""
    x, y = grid()
    towards = light / np.linalg.norm(light)
    bend = np.clip(x / (0.46 * person.width), -1, 1)
    facing = np.maximum(bend * towards[0] + np.sqrt(1 - bend**2) * towards[2], 0)
    chin = np.clip(1 - (y - 0.98 * person.height) / 0.34, 0, 1) * np.exp(-0.5 * (x / 0.42) ** 2)
    shade = (ambient + (1 - ambient) * 1.1 * facing) * (0.93 - 0.36 * chin)
    return np.array(person.skin, np.float32) * shade[..., None].astype(np.float32) ** SHADOW


def _ears(person: Identity) -> Layer:
    x = 0.755 * person.width
    right = curve((x - 0.08, -0.20), (x + 0.035, -0.20), (x + 0.06, -0.04), (x + 0.015, 0.16), (x - 0.08, 0.22))
    return filled(right, mirrored(right))
