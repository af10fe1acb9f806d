"""Damaged trees and random text: no traceback, no hang, no file outside the target touched."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimaffect.data.importers import FORMATS
from slimaffect.data.importers.source import read_arff, read_json, read_table
from slimaffect.data.labels import LabelError

CASES = 32  # per format; benchmarks/fuzz.py runs thousands


@pytest.fixture(scope="module")
def good(trees, tmp_path_factory):
    """One good tree of each format."""
    root = tmp_path_factory.mktemp("good")
    return {name: trees.TREES[name](root / name) for name in FORMATS}


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_trees_end_in_a_dataset_or_an_error_in_words(good, mutations, tmp_path, name):
    """Whatever is damaged: the rest is imported or the error is one of ours, and nothing outside is touched."""
    endings = set()
    for seed in range(CASES):
        sandbox = tmp_path / str(seed)
        sandbox.mkdir()
        endings.add(mutations.case(good[name], name, seed, sandbox))
    assert any("recordings" in ending for ending in endings)


def test_damaged_crops_end_in_a_dataset_or_an_error_in_words(trees, mutations, tmp_path):
    """The same for folders of images."""
    good = trees.aff_wild2(tmp_path / "good", cropped="cropped_aligned")
    for seed in range(CASES // 2):
        sandbox = tmp_path / str(seed)
        sandbox.mkdir()
        assert mutations.case(good, "aff-wild2", seed, sandbox)


@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=400) | st.text("0123456789.,;-e@data\n\"'=naif ", max_size=200).map(str.encode))
def test_any_bytes_are_a_table_or_a_label_error(raw, tmp_path_factory):
    """The three readers answer every file with rows or with a sentence."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(raw)
    for read in (read_table, read_arff, read_json):
        said = _refusal(read, path)
        assert said is None or (said.what and said.next)


def _refusal(read, path):
    try:
        read(path)
    except LabelError as error:
        return error
    return None
