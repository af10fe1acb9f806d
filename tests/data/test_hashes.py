"""Promises of remembered hashes: right, as long as the file is, and never a reason to fail."""

import hashlib
import os
from pathlib import Path

from slimaffect.data.hashes import Hashes, sha256, stamp


def test_a_hash_is_sha256(tmp_path):
    """The whole file is hashed."""
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_a_hash_is_remembered_until_the_file_changes(tmp_path):
    """Size or time of change makes it forgotten."""
    file, store = tmp_path / "a", tmp_path / "hashes.json"
    file.write_text("one")
    first = Hashes(store)
    assert first.get(file) is None
    first.remember((file, "digest", stamp(file)))
    first.save()
    assert Hashes(store).get(file) == "digest"
    os.utime(file, ns=(0, 1))
    assert Hashes(store).get(file) is None


def test_two_runs_do_not_forget_each_others_hashes(tmp_path):
    """Saving keeps what another process saved meanwhile."""
    for name in "ab":
        (tmp_path / name).touch()
    one, other = Hashes(tmp_path / "h.json"), Hashes(tmp_path / "h.json")
    one.remember((tmp_path / "a", "x", stamp(tmp_path / "a")))
    one.save()
    other.remember((tmp_path / "b", "y", stamp(tmp_path / "b")))
    other.save()
    assert [Hashes(tmp_path / "h.json").get(tmp_path / name) for name in "ab"] == ["x", "y"]


def test_a_damaged_file_is_an_empty_one(tmp_path):
    """Losing the memory costs time and nothing else."""
    (tmp_path / "h.json").write_text('{"a": [1, ')
    (tmp_path / "a").touch()
    assert Hashes(tmp_path / "h.json").get(tmp_path / "a") is None


def test_a_full_disk_is_no_reason_to_fail(tmp_path, monkeypatch):
    """What cannot be written down is forgotten, what was written down stays, and no part of a file is left."""
    (tmp_path / "a").touch()
    hashes = Hashes(tmp_path / "h.json")
    hashes.remember((tmp_path / "a", "x", stamp(tmp_path / "a")))
    hashes.save()
    monkeypatch.setattr(Path, "touch", lambda file, _mode: file.symlink_to("/dev/full"))  # the kernel's own error
    hashes.save()
    assert Hashes(tmp_path / "h.json").get(tmp_path / "a") == "x"
    assert [path.name for path in tmp_path.glob(".h.json*")] == []
