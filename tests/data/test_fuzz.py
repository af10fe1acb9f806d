"""Damaged recordings: prepared, or set aside in words; never a traceback, a hang or a touched file."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("damage", Path(__file__).with_name("damage.py"))
damage = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(damage)

CASES = 12  # per codec and container; benchmarks/fuzz.py runs thousands


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """One sound film of each codec and container, by name."""
    return {path.name: path for path in damage.good_films(tmp_path_factory.mktemp("films"))}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", damage.KINDS)
def test_a_damaged_recording_is_prepared_or_told_in_words(good, tmp_path, name):
    """Video, labels or boxes are damaged: what is left is used, or the error is one of ours."""
    endings = set()
    for seed in range(CASES):
        sandbox = tmp_path / str(seed)
        sandbox.mkdir()
        endings.add(damage.case(good[name], seed, sandbox))
    assert len(endings) > 1


def test_an_undamaged_recording_is_prepared(good, tmp_path, monkeypatch):
    """The films are sound to begin with, under every detector that is drawn: damage is what the others end by."""
    monkeypatch.setattr(damage, "_damage", lambda *_: None)
    for seed, film in enumerate(good.values()):
        sandbox = tmp_path / str(seed)
        sandbox.mkdir()
        assert damage.case(film, seed, sandbox) == "prepared"
