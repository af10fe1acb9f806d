"""AFEW-VA: every trap of its layouts."""

import json

import numpy as np

from slimaffect.data import read_dataset
from slimaffect.data.labels import read_labels


def labels_of(result, name):
    """The labels that were written for a recording."""
    return read_labels(next(r.labels for r in result.recordings if r.name == name))


def test_flat_and_twelve_parents_and_jpg_are_found(imported):
    """Clips are found flat, below parent folders, as png and as jpg, and read back by the layout."""
    result = imported("afew-va")
    assert {r.name for r in result.recordings} == {"001", "002", "003", "600", "004"}
    assert read_dataset(result.root).sources == result.recordings


def test_two_clips_of_one_actor_share_a_subject(imported):
    """The actor is the subject, so that no split can part two clips of one person."""
    result = imported("afew-va")
    assert {r.subject for r in result.recordings if r.name in {"001", "002"}} == {"Ann Actor"}


def test_integers_are_divided_by_ten_and_stems_count_from_zero(imported):
    """Frame 00000 is at 0 s, values of -10..10 become -1..1."""
    labels = labels_of(imported("afew-va"), "001")
    assert np.allclose(labels.times, np.arange(6) / 25, atol=1e-6)
    assert np.allclose(labels.affect, [[(k - 2) / 10, 0.3] for k in range(6)])


def test_a_file_already_divided_is_taken_as_it_is_and_told(imported, told):
    """Fractions within [-1, 1] are not divided once more; `divided=no` divides them."""
    result = imported("afew-va")
    assert np.allclose(labels_of(result, "004").affect[0], [-0.2, 0.3])
    assert "divided by 10 already" in told(result, "004.json")[0].what


def test_divided_can_be_said(imported):
    """Who knows better says so."""
    assert np.allclose(labels_of(imported("afew-va", divided="no"), "004").affect[0], [-0.02, 0.03])


def test_a_frame_without_image_and_an_image_without_frame_are_told(imported, told):
    """Both are counted with their numbers; the labels are joined by number, so nothing shifts."""
    result = imported("afew-va")
    assert "rows without an image: 1 (frames 3)" in told(result, "003.json")[0].what
    assert "images without a row: 1 (frames 4)" in told(result, "600.json")[0].what
    assert np.allclose(labels_of(result, "003").affect[3], [0.2, 0.3])
    assert np.allclose(labels_of(result, "003").times[3], 4 / 25)


def test_an_extra_cropped_folder_is_told(imported, told):
    """Images that no JSON belongs to are listed by folder."""
    assert "1 .png" in told(imported("afew-va"), "001/cropped")[0].what


def test_images_in_the_only_folder_below_are_used(imported):
    """Mirrors that keep only crops below the clip's folder work."""

    def move(source):
        for image in (source / "002").glob("*.jpg"):
            (source / "002" / "cropped").mkdir(exist_ok=True)
            image.rename(source / "002" / "cropped" / image.name)

    assert "002" in {r.name for r in imported("afew-va", move).recordings}


def test_values_beyond_ten_are_refused_with_both_values(imported, told):
    """A value outside the published scale sets the clip aside, and the message shows it."""

    def spoil(source):
        frames = {"00000": {"valence": 55, "arousal": 1}, "00001": {"valence": 1, "arousal": 1}}
        (source / "001" / "001.json").write_text(json.dumps({"actor": "Ann Actor", "frames": frames}))

    problem = told(imported("afew-va", spoil), "001/001.json")[-1]
    assert "holds 55 on frame 0, outside [-10, 10]" in problem.what
    assert problem.severity == "set aside"


def test_a_clip_without_actor_is_set_aside(imported, told):
    """Without its actor nobody could keep two clips of one person together."""
    result = imported("afew-va", lambda s: (s / "004" / "004.json").write_text('{"actor": " ", "frames": {}}'))
    assert "names no actor" in told(result, "004/004.json")[0].what


def test_a_clip_listed_twice_is_used_once(imported, told, trees):
    """The same clip flat and below a parent counts once, and the second is told."""
    result = imported("afew-va", lambda s: trees.clip(s / "02" / "001", "001", "Ann Actor"))
    assert len(result.recordings) == 5
    assert "names the same recording all/Ann Actor/001 as 001/001.json" in told(result, "02/001/001.json")[0].what


def test_the_rate_that_is_not_stored_is_told(imported, told):
    """25 images a second are an assumption, and shown as one; who sets a rate is not warned."""
    result = imported("afew-va")
    assert told(result, "the frame rate is not stored; 25 is taken")
