"""RECOLA, raw and as AVEC packed it."""

import numpy as np
import pytest

from slimaffect.data.importers.source.gold import concordance, gold_standard
from slimaffect.data.labels import read_labels


def labels_of(result, name):
    """The labels that were written for a recording."""
    return read_labels(next(r.labels for r in result.recordings if r.name == name))


def test_headers_with_trailing_blanks_are_read(imported, trees):
    """`FM1 ;FM2 ;` are six raters; their gold standard is written at 25 rows a second."""
    labels = labels_of(imported("recola"), "P16")
    assert np.allclose(labels.times, np.arange(51) * 0.04)
    assert np.allclose(labels.affect[:, 0], trees.ratings(shift=-0.2).mean(axis=1), atol=0.01)
    assert np.allclose(labels.affect[:, 1], trees.ratings(shift=0.1).mean(axis=1), atol=0.01)


def test_the_gold_standard_is_the_published_formula():
    """Centring by agreement, written out rater by rater with the standard's own sums."""
    rng = np.random.default_rng(3)
    ratings = (
        np.sin(np.arange(80) / 9)[:, None] * rng.uniform(0.5, 1, 4)
        + rng.normal(0, 0.1, (80, 4))
        + rng.normal(0, 0.3, 4)
    )
    agreement = [sum(concordance(ratings[:, r], ratings[:, o]) for o in range(4) if o != r) / 3 for r in range(4)]
    reference = sum(ratings[:, r].mean() * agreement[r] for r in range(4)) / sum(agreement)
    expected = sum(ratings[:, r] - ratings[:, r].mean() + reference for r in range(4)) / 4
    assert np.allclose(gold_standard(ratings), expected)


def test_a_rater_who_disagrees_hardly_moves_the_level():
    """Five agree about 0; one is constant at 1: a plain mean would sit at a sixth."""
    curve = np.sin(np.arange(100) / 5)
    ratings = np.stack([curve] * 5 + [np.ones(100)], axis=1)
    assert abs(gold_standard(ratings).mean()) < abs(ratings.mean()) / 2


@pytest.mark.parametrize("ratings", [np.zeros((5, 3)), np.array([[0.1, -0.1], [-0.1, 0.1]])])
def test_constant_or_contrary_raters_give_a_finite_standard(ratings):
    """Where nobody agrees all raters count the same."""
    assert np.isfinite(gold_standard(ratings)).all()


def test_concordance_is_lins():
    """Equal series agree fully; a shift lowers it as Lin's formula says."""
    x = np.array([0.0, 1.0, 2.0])
    assert concordance(x, x) == pytest.approx(1)
    assert concordance(x, x + 1) == pytest.approx(2 * x.var() / (2 * x.var() + 1))


def test_a_missing_dimension_is_told(imported, told):
    """Valence without arousal is no affect."""

    def remove(source):
        (source / "RECOLA-Annotation" / "emotional_behaviour" / "arousal" / "P17.csv").unlink()

    assert "folder arousal" in told(imported("recola", remove), "P17.csv")[0].what


def test_a_missing_video_is_told(imported, told):
    """The annotation is listed with the name of the video it needs."""
    result = imported("recola", lambda s: (s / "RECOLA-Video-recordings" / "P17.mp4").unlink())
    assert "there is no video P17" in told(result, "P17.csv")[0].what


def test_rows_of_one_dimension_alone_are_counted(imported, told):
    """Files are joined on time, never row by row."""

    def cut(source):
        path = source / "RECOLA-Annotation" / "emotional_behaviour" / "valence" / "P16.csv"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:1] + lines[6:]))

    result = imported("recola", cut)
    assert "5 rows have only one of valence and arousal" in told(result, "P16.csv")[0].what
    assert labels_of(result, "P16").times[0] == pytest.approx(0.2)


def test_videos_may_lie_elsewhere(imported, tmp_path):
    """`media` names another folder, which the dataset declares."""

    def move(source):
        (source / "RECOLA-Video-recordings").rename(tmp_path / "videos")

    result = imported("recola", move, media=tmp_path / "videos")
    assert len(result.recordings) == 2
    assert result.recordings[0].video.resolve() == (tmp_path / "videos" / "P16.mp4").resolve()


def test_arff_headers_may_be_of_any_length(imported, trees):
    """Both files are read from @data on."""
    result = imported("avec-recola")
    for name in ("train_1", "dev_1"):
        assert np.allclose(labels_of(result, name).affect[:, 0], trees.ratings(shift=-0.2).mean(axis=1), atol=1e-4)


def test_individual_ratings_stand_in_where_no_gold_standard_is(imported, told, trees):
    """A gold standard computed here is told as such; where one was published it is used."""
    result = imported("avec-recola")
    assert np.allclose(labels_of(result, "dev_2").affect[:, 1], trees.ratings(shift=0.1).mean(axis=1), atol=0.01)
    assert "computed from the individual ratings (first: dev_2)" in told(result, "is computed from")[0].what


def test_what_avec_adds_is_told(imported, told):
    """The files of all recordings in one, features, and videos of the test part are listed."""
    result = imported("avec-recola")
    assert len(told(result, "train_all.arff")) == 2
    assert told(result, "features_audio")
    assert "without annotation" in told(result, "test_1.mp4")[0].what
