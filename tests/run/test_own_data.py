"""A lab's own dataset, never seen before, runs with `--data PATH` and no other change."""

import json

import pytest

from slimaffect.data.synthetic import SyntheticSettings, synthesise

pytestmark = pytest.mark.slow


@pytest.fixture
def lab(slim):
    """Two sites with names of their own, three people each, and three recordings that cannot be used."""
    root = slim.folder / "my lab"
    synthesise(root, SyntheticSettings(subjects=6, seconds=6, seed=7, sites=("S1", "S3")), workers=1, watch=print)
    (root / "S1").rename(root / "Zürich")
    (root / "S3").rename(root / "site.two")
    (root / ".synthetic.json").unlink(missing_ok=True)
    first = next((root / "Zürich").iterdir())
    (first / "empty.mp4").touch()
    (first / "empty.csv").write_text("time,valence,arousal\n0,0,0\n1,0,0\n")
    (first / "unlabelled.mp4").write_bytes(next(first.glob("session*.mp4")).read_bytes())
    (first / "scaled.mp4").write_bytes(next(first.glob("session*.mp4")).read_bytes())
    (first / "scaled.csv").write_text("time,valence,arousal\n0,7,-3\n3,8,1\n6,9,2\n")
    return root


def test_own_data_runs(slim, lab):
    """Every usable recording is used, the others are listed with their reasons, and all sites are scored."""
    quick = ["--set", "train.epochs=1", "--set", "distill.epochs=1"]
    told = slim("run", "smallest.yaml", "--data", str(lab), *quick)
    assert told.returncode == 0, told.stdout + told.stderr
    for variant in slim.result["variants"]:
        assert sorted(variant["scores"]["sites"]) == ["Zürich", "site.two"]
    problems = json.loads((slim.result_folder / "problems.json").read_text())
    assert {"empty", "unlabelled", "scaled"} == {p["where"].split("/")[-1].split(".")[0] for p in problems}
    assert all(problem["what"] and problem["next"] for problem in problems)
    assert slim.result["data"]["recordings"] == 6
    assert slim.result["data"]["synthetic"] is False


def test_strict_refuses_problems(slim, lab):
    """With --strict nothing is set aside: it stops before a video is decoded, with exit code 3 and what it found."""
    told = slim("run", "smallest.yaml", "--data", str(lab), "--strict")
    assert told.returncode == 3
    assert "unlabelled" in told.stderr
    assert "Traceback" not in told.stderr
