"""The cache keeps what is finished, whole, and nothing else."""

import json

import pytest

from slimaffect.errors import RunError
from slimaffect.execute import cache as module
from slimaffect.execute.cache import DONE, Cache, code_version, write_json

KEY = "ab" * 32


def finish(cache: Cache, text: str = "weights") -> dict:
    """Finish a task that made one file."""
    (cache.partial(KEY) / "model.bin").write_text(text)
    return cache.finish(KEY, {"cost": {"seconds": 1.0}})


def test_finished_task_is_found_again(tmp_path):
    """What was finished is read back with its record; what was not is None."""
    cache = Cache(tmp_path)
    assert cache.read(KEY) is None
    finish(cache)
    assert cache.read(KEY)["cost"] == {"seconds": 1.0}
    assert (cache.folder(KEY) / "model.bin").read_text() == "weights"


def test_partial_task_is_not_done(tmp_path):
    """A task killed before it sealed its folder is not taken for finished, and its checkpoint stays."""
    cache = Cache(tmp_path)
    (cache.partial(KEY) / "checkpoint.bin").write_text("half")
    assert cache.read(KEY) is None
    assert (cache.partial(KEY) / "checkpoint.bin").read_text() == "half"


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "record", "no record"])
def test_damaged_task_is_set_aside(tmp_path, damage):
    """A file or record that is not as it was written makes the task run again; the damaged one is kept to look at."""
    cache = Cache(tmp_path)
    finish(cache)
    model, record = cache.folder(KEY) / "model.bin", cache.folder(KEY) / DONE
    if damage == "flip":
        model.write_text("Weights")
    elif damage == "truncate":
        model.write_text("")
    elif damage == "delete":
        model.unlink()
    elif damage == "record":
        record.write_text(record.read_text()[:20])
    else:
        record.unlink()
    assert cache.read(KEY) is None
    assert not cache.folder(KEY).exists()
    assert cache.folder(KEY).with_suffix(".damaged").is_dir()
    finish(cache, "again")
    assert cache.read(KEY) is not None


def test_forgotten_task_is_gone(tmp_path):
    """`--fresh` forgets finished and begun work alike."""
    cache = Cache(tmp_path)
    finish(cache)
    cache.forget([KEY])
    assert cache.read(KEY) is None
    assert not list(cache.root.rglob("model.bin"))


def test_write_json_leaves_no_half_file(tmp_path):
    """A value that is no JSON leaves the old file as it was."""
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_code_version_follows_the_source():
    """Rooms have versions of their own: a change of the report does not retrain a model."""
    assert code_version("train") != code_version("model")
    assert code_version("train", "model") != code_version("train")
    assert code_version("data/clips") != code_version("data")


def test_unwritable_cache_says_what_to_do(tmp_path):
    """A cache that cannot be written names itself and the option to choose another."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write to the cache at .*file.*--cache PATH"):
        Cache(tmp_path / "file").partial(KEY)


def test_a_task_that_is_sealed_between_two_looks_is_not_set_aside(tmp_path, monkeypatch):
    """Another process may seal it after its record was looked for and before its folder is: it is whole."""
    cache, looks = Cache(tmp_path), []
    real = module._intact

    def sealed_after_the_first_look(folder):
        looks.append(found := real(folder))
        if len(looks) == 1:
            finish(cache)
        return found

    monkeypatch.setattr(module, "_intact", sealed_after_the_first_look)
    assert cache.read(KEY)["cost"] == {"seconds": 1.0}
    assert looks[0] is None
    assert not cache.was_damaged(KEY)
