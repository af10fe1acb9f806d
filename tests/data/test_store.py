"""Promises of prepared recordings on disk: what is damaged is said with its folder and its cure."""

import json

import numpy as np
import pytest

from slimaffect.data.store import load
from slimaffect.errors import DataError


def test_a_damaged_recording_is_told_with_its_folder(tmp_path):
    """Cut short, overwritten, or of unequal lengths: never a bare error of the library that reads it."""
    (tmp_path / "meta.json").write_text(json.dumps({"frames": 2, "digest": "d"}))
    np.save(tmp_path / "frames.npy", np.zeros((2, 3, 4, 4), np.uint8))
    np.savez(tmp_path / "index.npz", times=np.arange(2.0), affect=np.zeros((2, 2), np.float32), valid=np.ones(2, bool))
    assert len(load(tmp_path, "A", "a1", "talk")) == 2
    whole = (tmp_path / "index.npz").read_bytes()
    for content in (b"\0" * len(whole), whole[:40]):
        (tmp_path / "index.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"is damaged .* Delete the folder and run again"):
            load(tmp_path, "A", "a1", "talk")
    (tmp_path / "index.npz").write_bytes(whole)
    np.save(tmp_path / "frames.npy", np.zeros((3, 3, 4, 4), np.uint8))
    with pytest.raises(DataError, match="3 crops and 2 times where 2 are declared"):
        load(tmp_path, "A", "a1", "talk")
