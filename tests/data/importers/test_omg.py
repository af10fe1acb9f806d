"""OMG-Emotion: a rating per utterance."""

import numpy as np

from slimaffect.data.labels import read_labels


def test_a_rating_holds_over_its_utterance(imported):
    """Arousal stands before valence; both are constant over the video's two seconds."""
    result = imported("omg")
    labels = read_labels(next(r.labels for r in result.recordings if r.where == "all/aa.1/utterance_1"))
    assert np.allclose(labels.affect, [[-0.3, 0.4]] * len(labels.times))
    assert np.isclose(labels.times[-1], 2.0)


def test_both_spellings_of_the_vote_are_read(imported):
    """EmotionMaxVote and emotionMaxVote are one column."""
    assert {"aa.1", "dd"} <= {r.subject for r in imported("omg").recordings}


def test_a_missing_medium_is_listed_and_counted(imported, told):
    """A dead link is an entry and a count, no crash."""
    result = imported("omg")
    assert "cc/utterance_3 has no video" in told(result, "line 5")[0].what
    assert told(result, "1 of 4 utterances have no video")


def test_an_arousal_below_zero_is_told(imported, told):
    """The published range is [0, 1]: something else is worth a look."""
    assert "arousal of -0.1" in told(imported("omg"), "omg_TrainVideos.csv line 3")[0].what


def test_folders_of_images_are_recordings(imported):
    """<video>/video/utterance_N/ is understood, and a name may begin with a dash."""
    recording = next(r for r in imported("omg").recordings if r.subject == "-bb")
    assert recording.video.suffix == ".frames"


def test_a_table_without_labels_is_told(imported, told):
    """The test part without labels is listed with its size."""
    assert "1 utterances without arousal and valence" in told(imported("omg"), "WithoutLabels")[0].what


def test_a_rating_that_is_no_number_or_out_of_range_is_told(imported, told, trees):
    """Both show what stood there."""
    rows = ["l,0,1,aa.1,utterance_1.mp4,x,0.1,1", "l,0,1,aa.1,utterance_2.mp4,0.5,3,1"]
    head = "link,start,end,video,utterance,arousal,valence,EmotionMaxVote"
    result = imported("omg", lambda s: trees.write_text(s / "omg_TrainVideos.csv", head, *rows))
    assert "arousal 'x'" in told(result, "line 2")[0].what
    assert "holds 3 on line 3, outside [-1, 1]" in told(result, "line 3")[0].what
