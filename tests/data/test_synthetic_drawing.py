"""Promises of the drawing: what a person does can be seen, and where."""

from dataclasses import replace

import numpy as np
import pytest

from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.data.synthetic.behaviour import Behaviour
from slimaffect.data.synthetic.camera import set_up
from slimaffect.data.synthetic.canvas import corners, curve, filled, grid, stroke
from slimaffect.data.synthetic.drawing import draw
from slimaffect.data.synthetic.head import paint
from slimaffect.data.synthetic.identity import draw_identity
from slimaffect.data.synthetic.sheet import CELL, POSES, contact_sheet
from slimaffect.data.synthetic.sites import SITES, shifted

QUIET = SyntheticSettings(shift=0)
PERSON = replace(
    draw_identity(np.random.default_rng(3), 0.27),
    glasses=False,
    beard=False,
    moustache=False,
    hair="short",
    hairline=-0.1,
)


def camera(site="S1", settings=QUIET):
    """The camera of a site without noise, with the head in the middle of the picture."""
    there = replace(shifted(SITES[site], settings), noise=0.0)
    stand = set_up(there, np.random.default_rng(0))
    return replace(stand, centre=(there.width / 2, there.height / 2), angle=(0.0, 0.0), unit=72.0)


def frames(*poses, person=PERSON, stand=None):
    """Draw one frame per pose; a pose names what differs from a neutral face."""
    columns = {name: np.array([pose.get(name, float(name == "light")) for pose in poses]) for name in Behaviour._fields}
    seen = draw(person, Behaviour(**columns), stand or camera(), "plain", np.random.default_rng(1))
    return np.stack([image.astype(np.int32) for image in seen])


def change(pose, box):
    """Mean change of the picture by a pose inside a box of head units (left, top, right, bottom) and outside of it."""
    neutral, posed = frames({}, pose)
    difference = np.abs(posed - neutral).mean(axis=-1)
    left, top, right, bottom = (round(edge * 72) for edge in box)
    inside = np.zeros_like(difference, dtype=bool)
    inside[90 + top : 90 + bottom, 120 + left : 120 + right] = True
    return difference[inside].mean(), difference[~inside].mean()


@pytest.mark.parametrize(
    ("pose", "box"),
    [
        ({"blink": 1.0}, (-0.55, -0.35, 0.55, 0.0)),
        ({"au5": 1.0}, (-0.55, -0.40, 0.55, 0.0)),
        ({"droop": 1.0}, (-0.55, -0.35, 0.55, 0.0)),
        ({"au1": 1.0, "au2": 1.0}, (-0.60, -0.75, 0.60, -0.25)),
        ({"au4": 1.0}, (-0.60, -0.50, 0.60, -0.10)),
        ({"au12": 1.0}, (-0.60, 0.05, 0.60, 0.80)),
        ({"au15": 1.0}, (-0.45, 0.45, 0.45, 0.90)),
        ({"au26": 1.0}, (-0.60, 0.45, 0.60, 1.20)),
        ({"hand": 1.0}, (-0.40, 0.45, 0.80, 1.25)),
        ({"flush": 1.0}, (-0.70, -0.80, 0.70, 0.50)),
        ({"look_x": 1.0}, (-0.55, -0.35, 0.55, 0.0)),
    ],
)
def test_each_act_shows_where_it_belongs(pose, box):
    """An action unit changes its own part of the face, and next to nothing elsewhere."""
    inside, outside = change(pose, box)
    assert inside > 1.0
    assert inside > 8 * outside


def test_small_acts_show_gradually():
    """A brow that rises by a tenth of a pixel changes the picture: nothing snaps to whole pixels."""
    neutral, slight, more = frames({}, {"au2": 0.02}, {"au2": 0.04})
    assert 0 < np.abs(slight - neutral).sum() < np.abs(more - neutral).sum()


def test_the_head_follows_its_pose():
    """Moving right moves the picture of the head by as many pixels; turning moves the nose more than the ears."""
    neutral, moved = frames({}, {"x": 10 / 72})
    np.testing.assert_allclose(moved[60:120, 90:160], neutral[60:120, 80:150], atol=12)
    still, turned = frames({}, {"yaw": 15.0})
    assert np.abs(turned - still)[60:130, 100:140].mean() > 2 * np.abs(turned - still)[:, :30].mean()


def test_props_cover_the_face():
    """Glasses and beard are drawn over the face they belong to."""
    bare = frames({})[0]
    glasses = frames({}, person=replace(PERSON, glasses=True))[0]
    beard = frames({}, person=replace(PERSON, beard=True))[0]
    assert np.abs(glasses - bare)[70:100, 80:160].mean() > 4
    assert np.abs(beard - bare)[135:165, 85:155].mean() > 4
    assert np.abs(glasses - bare)[140:].mean() < 0.5


def test_sites_look_different():
    """White balance, light and saturation of a site reach the picture."""
    settings = SyntheticSettings(shift=1)
    warm, grey = frames({}, stand=camera("S2", settings))[0], frames({}, stand=camera("S4", settings))[0]
    middle = np.s_[60:110, 80:140]
    assert (warm[middle][..., 2] - warm[middle][..., 0]).mean() > 1.5 * (
        grey[middle][..., 2] - grey[middle][..., 0]
    ).mean()


def test_the_camera_adds_its_noise():
    """Two frames of a face that keeps still differ by the sensor's noise."""
    noisy = replace(shifted(SITES["S1"], QUIET), noise=5.0)
    first, second = frames({}, {}, stand=set_up(noisy, np.random.default_rng(0)))
    assert (second - first).std() / np.sqrt(2) == pytest.approx(5.0, rel=0.15)


def test_a_head_is_opaque_and_smooth_edged():
    """The cover is 1 on the face, 0 in the corners, and in between at the edge."""
    picture, bare = paint(PERSON, np.array([0.0, -0.5, 0.9]), 0.55, np.random.default_rng(0))
    cover = picture[..., 3]
    assert cover[94, 88] == pytest.approx(1)
    assert cover[:5, :5].max() == 0
    assert ((cover > 0.05) & (cover < 0.95)).any()
    assert bare[:20].max() == 0  # hair, or nothing


def test_light_falls_from_where_it_stands():
    """A lamp on the right lights the right cheek."""
    picture, _ = paint(PERSON, np.array([0.9, -0.2, 0.4]), 0.4, np.random.default_rng(0))
    left, right = picture[105:115, 50:60, :3].mean(), picture[105:115, 116:126, :3].mean()
    assert right > 1.2 * left


def test_shapes_cover_what_they_should():
    """A filled square has its area, a stroke its width, a curve its knots."""
    square = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    assert filled(square).sum() == pytest.approx(72 * 72, rel=0.02)
    line = np.array([(-0.5, 0.0), (0.5, 0.0)])
    assert stroke(line, 0.1).max(axis=1).sum() == pytest.approx(7.2, abs=1.5)
    knots = ((0.0, 0.0), (0.2, 0.5), (0.7, 0.1))
    np.testing.assert_allclose(curve(*knots, points=5)[::2], knots, atol=1e-12)
    across, down = grid()
    assert corners(np.array([[across[0, 0], down[0, 0]]])).tolist() == [[0, 0]]


def test_people_differ():
    """Fifty people have fifty faces; all styles of hair occur."""
    people = [draw_identity(np.random.default_rng(seed), 0.27) for seed in range(50)]
    assert len({person.width for person in people}) == 50
    assert {person.hair for person in people} == {"bald", "short", "full", "shoulder", "long"}
    assert 5 <= sum(person.glasses for person in people) <= 25


def test_spread_makes_resting_faces_differ():
    """At `identity_spread: 0` everybody's brows, lids and mouth rest alike."""
    alike = [draw_identity(np.random.default_rng(seed), 0.0) for seed in range(5)]
    assert len({(p.mouth_curve, p.brow_height, p.eye_opening, p.brow_slope) for p in alike}) == 1


def test_the_contact_sheet_shows_every_pose():
    """One row per person, one cell per pose, and no two cells alike."""
    sheet = contact_sheet((("S3", 1), ("S4", 1)))
    cells = sheet.reshape(2, CELL[1], len(POSES), CELL[0], 3).swapaxes(1, 2)
    assert cells.shape == (2, len(POSES), CELL[1], CELL[0], 3)
    assert len({cell.tobytes() for row in cells for cell in row}) == 2 * len(POSES)
