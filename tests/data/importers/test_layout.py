"""What the generic layout and its labels gained for importing: media folders, datasets without sites, gaps."""

import numpy as np
import pytest

from slimaffect.data import DatasetFacts, read_dataset, write_dataset_yaml
from slimaffect.data.labels import Labels
from slimaffect.errors import DataError


@pytest.fixture
def dataset(tmp_path, trees):
    """A dataset with one recording that is a link to a video in another folder."""
    video = trees.write_video(tmp_path / "media" / "a.mp4")
    folder = tmp_path / "dataset" / "all" / "p1"
    folder.mkdir(parents=True)
    (folder / "a.mp4").symlink_to(video)
    trees.curve(folder / "a.csv")
    trees.write_video(folder / "b.mp4")
    trees.curve(folder / "b.csv")

    def declare(**facts):
        write_dataset_yaml(tmp_path / "dataset", DatasetFacts(name="x", **facts))
        return read_dataset(tmp_path / "dataset")

    return declare


def test_links_into_the_declared_media_folder_are_followed(dataset, tmp_path):
    """`media` names the one place outside the dataset that links may lead to."""
    assert [s.name for s in dataset(media=str(tmp_path / "media")).sources] == ["a", "b"]


def test_links_elsewhere_are_problems(dataset, tmp_path):
    """Without the declaration, or with another folder, the link is set aside and the remedy named."""
    for facts in ({}, {"media": str(tmp_path / "other")}):
        read = dataset(**facts)
        assert [s.name for s in read.sources] == ["b"]
        assert any("leaves the dataset" in p.what and "media:" in p.next for p in read.problems)


@pytest.mark.parametrize("media", ["/", "..", " "])
def test_the_whole_disk_is_no_media_folder(media):
    """A declaration that would allow everything is refused."""
    with pytest.raises(ValueError, match="not the whole disk"):
        DatasetFacts(name="x", media=media)


def test_sites_none_means_one_folder(dataset, tmp_path):
    """A dataset that says it has no sites and has two folders contradicts itself."""
    assert dataset(sites="none").sites == ("all",)
    (tmp_path / "dataset" / "second" / "p2").mkdir(parents=True)
    with pytest.raises(DataError, match="says sites: none but there are the folders all, second"):
        dataset(sites="none")


def test_affect_is_not_read_across_long_gaps():
    """Rows that were dropped leave their time without a label; a row's own moment always has one."""
    labels = Labels(np.array([0.0, 0.1, 1.0, 1.1]), np.zeros((4, 2)), gap_s=0.2)
    known = np.isfinite(labels.at(np.array([0.05, 0.1, 0.5, 0.9, 1.0, 1.05]))[:, 0])
    assert known.tolist() == [True, True, False, False, True, True]


def test_without_a_gap_affect_is_read_across_any():
    """The default is as it was."""
    labels = Labels(np.array([0.0, 100.0]), np.array([[0.0, 0.0], [1.0, 1.0]]))
    assert labels.at(np.array([50.0])).tolist() == [[0.5, 0.5]]
