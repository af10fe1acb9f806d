"""Each published format goes all the way: imported, checked, and run over its sites or over groups of subjects."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slimaffect.cli import app, main
from slimaffect.errors import DataError
from slimaffect.run import ship

_spec = importlib.util.spec_from_file_location("trees", Path(__file__).parents[1] / "data" / "importers" / "trees.py")
trees = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(trees)

READING = ["data.detector=none", "data.pixels=16", "data.rate=10", "data.clip.frames=2", "data.clip.stride=2"]
RECIPE = """\
model: micro
steps:
  - train:
      epochs: 1
      frames: {share: 0.5, steps: 1, batch: 4}
      sequences: {share: 0.5, steps: 1, batch: 2, frames: 2, unscored: 0}
      end_to_end: {share: 0}
evaluate: {replicates: 200}
deploy: {engine: none, runtimes: [onnxruntime], clip_frames: 2}
execution: {workers: 1}
"""
GROUPS = ["group1", "group2"]
HELD_OUT = {
    "afew-va": GROUPS,
    "aff-wild2": GROUPS,
    "recola": GROUPS,
    "avec-recola": GROUPS,
    "avec-sewa": ["DE", "HU"],
    "omg": GROUPS,
    "multisite": ["east", "north", "south"],
    "manifest": ["oslo", "rome"],
}


@pytest.fixture
def lab(request, tmp_path, monkeypatch) -> list[str]:
    """Import and check the tree of a format, named by the test's parameter; returns what its recipe must say of data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "once.yaml").write_text(RECIPE)
    trees.TREES[request.param](tmp_path / "source")
    overrides = [part for text in READING for part in ("--set", text)]
    assert slim("data", "import", request.param, "source", "lab").exit_code == 0
    told = slim("data", "check", "lab", *overrides, "--allow-uneven", "--cache", "cache", "--workers", "1")
    assert told.exit_code == 0, told.output
    folds = ["--set", "folds.subject_groups=2"] if HELD_OUT[request.param] == GROUPS else []
    return ["--data", "./lab", "--cache", "cache", *overrides, *folds]


def slim(*arguments: str):
    """Call a command in this process; whatever is no word of ours fails the test."""
    return CliRunner().invoke(app, [*arguments], catch_exceptions=False)


@pytest.mark.parametrize(("lab", "name"), [(name, name) for name in HELD_OUT], indirect=["lab"])
def test_a_format_is_imported_checked_and_planned(lab, name):
    """The published tree becomes a dataset that a check accepts and a recipe can be run on, over sites or groups."""
    told = slim("run", "once.yaml", *lab, "--dry-run").output
    unit = "groups" if HELD_OUT[name] == GROUPS else "sites"
    assert f"1 variants x {len(HELD_OUT[name])} {unit} x 1 seeds" in told
    assert f"{2 * len(HELD_OUT[name]) + 2} tasks to do" in told


@pytest.mark.parametrize("lab", [name for name in HELD_OUT if HELD_OUT[name] == GROUPS], indirect=True)
def test_a_format_without_sites_is_refused_with_three_ways_on(lab, tmp_path):
    """Sites are never invented: the refusal comes before anything is decoded, and each way is in exact words."""
    with pytest.raises(
        DataError, match=r"has 1 \(all\)(?s:.*)--option sites=(?s:.*)culture(?s:.*)folds.subject_groups"
    ):
        slim("run", "once.yaml", *lab[:-2], "--cache", str(tmp_path / "fresh"))
    assert not (tmp_path / "fresh").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("lab", "name"), [(name, name) for name in HELD_OUT], indirect=["lab"])
def test_a_format_is_run_and_scored_on_every_fold(lab, name, tmp_path, monkeypatch):
    """Trained, exported, scored and reported; every imported recording is in it, and the words are site or group."""
    monkeypatch.setattr(ship, "BUDGET_S", 0.05)  # the time of a clip is nobody's question here
    told = slim("run", "once.yaml", *lab)
    assert told.exit_code == 0, told.output
    (written,) = (tmp_path / "results").glob("once-*/result.json")
    result = json.loads(written.read_text())
    scores = result["variants"][0]["scores"]
    assert sorted(scores["sites"]) == HELD_OUT[name]
    assert result["folds"] == ("group" if HELD_OUT[name] == GROUPS else "site")
    assert result["data"]["recordings"] == len(list((tmp_path / "lab").glob("*/*/*.csv")))
    assert sum(site["subjects"] for site in scores["sites"].values()) == result["data"]["subjects"]
    assert all(site["frames"] for site in scores["sites"].values())
    assert f"CCC on each held-out {result['folds']}" in told.output
    assert f"Every held-out {result['folds']}" in written.with_name("report.html").read_text()


def test_the_refusal_is_a_sentence_and_exit_code_three(tmp_path, monkeypatch, capsys):
    """What a person sees who runs a recipe on a dataset with one site: no traceback, and no hour of preparation."""
    root = trees.recola(tmp_path / "source")
    slim("data", "import", "recola", str(root), str(tmp_path / "lab"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["slim", "run", "baseline", "--data", "./lab", "--cache", "cache"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    told = capsys.readouterr().err
    assert told.startswith("error leave-one-site-out needs two sites; this data has 1 (all). You can (1)")
    assert "`folds: {subject_groups: 2}`" in told
    assert "Traceback" not in told
    assert not (tmp_path / "cache").exists()
