"""Aff-Wild2 and ABAW: every trap of its packagings."""

import csv

import numpy as np
import pytest

from slimaffect.data.labels import read_labels


def labels_of(result, name, gap_s=None):
    """The labels that were written for a recording."""
    return read_labels(next(r.labels for r in result.recordings if r.name == name), gap_s=gap_s)


def test_rows_belong_to_video_frames_at_the_containers_rate(imported):
    """Row k of a track is frame k, at (k - 1) / rate, valence before arousal; the rate may be no integer."""
    result = imported("aff-wild2")
    assert np.allclose(labels_of(result, "video1").times[:2], [0, 0.04])
    assert np.allclose(labels_of(result, "video1").affect[0], [0.01, -0.005])
    assert np.allclose(labels_of(result, "clip.v1.2-final").times[29], 29 * 1001 / 30000, atol=1e-4)
    assert np.allclose(labels_of(result, "video7").times[1], 2 / 15, atol=1e-4)


def test_a_row_with_one_mark_is_dropped_like_a_row_with_two(imported, told):
    """-5 in either value drops the row, and the count is told; no label is read across the gap."""
    result = imported("aff-wild2")
    assert "2 of 50 rows are not annotated (-5; first on frame 3)" in told(result, "Train_Set/video1.txt")[-1].what
    at = labels_of(result, "video1", gap_s=0.05).at(np.array([0.04, 0.08, 0.12, 0.16]))
    assert np.isnan(at[1:3]).all()
    assert np.isfinite(at[[0, 3]]).all()


def test_dotted_names_are_whole(imported):
    """A name with dots and dashes keeps them: the ending is cut off once."""
    assert "all/clip.v1.2-final/clip.v1.2-final" in {r.where for r in imported("aff-wild2").recordings}


def test_one_of_two_people_in_a_video_is_set_aside_without_crops(imported, told):
    """A video cannot tell which of two faces `_left` is, so the label is not given to the wrong one."""
    problems = told(imported("aff-wild2"), "one of several people in the video 10-60-1280x720")
    assert len(problems) == 2


@pytest.mark.parametrize("spelling", ["cropped", "cropped_aligned", "cropped-aligned"])
def test_crops_of_two_people_share_a_subject_folder(imported, spelling):
    """`_left` and `_right` are recordings of one group, in every spelling of the folder of crops."""
    found = {r.where for r in imported("aff-wild2", tree={"cropped": spelling}).recordings}
    assert {"all/10-60-1280x720/10-60-1280x720_left", "all/10-60-1280x720/10-60-1280x720_right"} <= found


def test_frames_count_from_one_and_missing_crops_leave_gaps(imported, told):
    """Crop k.jpg has label row k; where crops are missing there is no label, and the clock goes on."""
    result = imported("aff-wild2", tree={"cropped": "cropped"})
    recording = next(r for r in result.recordings if r.name == "video1")
    with recording.video.open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0] | {"bytes": ""} == {"time": "0.000000", "path": "cropped/video1/00003.jpg", "bytes": ""}
    assert next(float(r["time"]) for r in rows if r["path"].endswith("00029.jpg")) == pytest.approx(26 / 25)
    labels = labels_of(result, "video1", gap_s=0.2)
    assert np.allclose(labels.affect[0], [0.05, -0.025])  # frames 3 and 4 are marked -5
    assert np.isnan(labels.at(np.array([0.9]))).all()
    assert "rows without an image: 11 (frames 1, 2, 20, ...)" in told(result, "rows without an image")[0].what


def test_crops_take_the_rate_of_their_video(imported, told):
    """The rate comes from the video that crops were cut from; an assumed one is told."""
    assert not told(imported("aff-wild2", tree={"cropped": "cropped"}), "30 is taken")


def test_crops_without_a_video_take_an_assumed_rate_and_say_so(imported, told):
    """Without the video 30 frames a second are an assumption."""

    def remove(source):
        (source / "batch1" / "video1.mp4").unlink()

    result = imported("aff-wild2", remove, tree={"cropped": "cropped"})
    assert "1 recordings of crops have no video" in told(result, "30 is taken")[0].what
    assert labels_of(result, "video1").times[0] == pytest.approx(2 / 30, abs=1e-5)  # frames 3 and 4 are marked


def test_crops_advise_to_do_without_a_detector(imported):
    """Who imports crops is told what to set."""
    assert any("detector: none" in advice for advice in imported("aff-wild2", tree={"cropped": "cropped"}).advice)


def test_a_video_in_train_of_one_track_and_validation_of_another_is_one_recording(imported, told):
    """Two packagings label it: the newer is used, the other is told with both parts, and nothing can leak."""
    result = imported("aff-wild2")
    assert [r.name for r in result.recordings].count("video1") == 1
    assert "Validation_Set there, Train_Set here" in told(result, "VA_Set/Validation_Set/video1.txt")[0].what


def test_the_multi_task_track_is_read_per_image(imported):
    """Rows `video/00001.jpg,valence,arousal,...` become one recording per video."""
    labels = labels_of(imported("aff-wild2"), "video7")
    assert np.allclose(labels.affect[0], [0.01, 0.5])
    assert len(labels.times) == 30


def test_tracks_of_other_tasks_are_told(imported, told):
    """Expression labels are no part of this, and listed."""
    assert told(imported("aff-wild2"), "EXPR_Set")


def test_crops_with_more_images_than_labels_are_told(imported, told, trees):
    """There cannot be more crops than video frames: the surplus is counted."""
    result = imported(
        "aff-wild2", lambda s: trees.crops(s / "cropped" / "video1", range(51, 54)), tree={"cropped": "cropped"}
    )
    assert "images without a row: 3 (frames 51, 52, 53)" in told(result, "images without a row")[0].what
