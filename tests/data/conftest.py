"""What the tests of this room share: small videos, and a dataset of two sites made of them."""

import pytest

from slimaffect.data import ClipSettings, DatasetFacts, DataSettings, write_dataset_yaml


@pytest.fixture
def dataset(films, tmp_path):
    """Two sites with two subjects each, one recording of two seconds per subject; no two videos alike."""
    root = tmp_path / "lab"
    for number, subject in enumerate(("A/a1", "A/a2", "B/b1", "B/b2")):
        films.film(root / subject / "task.mp4", [films.face(x=76 + 2 * number)] * 20, rate=10)
        films.labels(root / subject / "task.csv", 2.0)
    write_dataset_yaml(root, DatasetFacts(name="lab"))
    return root


@pytest.fixture
def settings(dataset):
    """Settings that suit the small dataset."""
    return DataSettings(source=str(dataset), rate=10, pixels=16, clip=ClipSettings(frames=5, stride=5))
