"""The ledger of a run: every line that was written whole is read, and nothing else; `slim status` tells it."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from slimaffect.cli.status import status as status_command  # noqa: F401  (the command exists)
from slimaffect.errors import ResultError
from slimaffect.execute.again import begin_failed_anew, failed_tasks
from slimaffect.execute.cache import Cache
from slimaffect.execute.ledger import FOLDER, Ledger, newest, read_ledger
from slimaffect.execute.status import read_status, show_status
from slimaffect.execute.task import tasks_of
from slimaffect.model.shapes import shape
from slimaffect.steps.train import Train

TASKS = tasks_of([(Train(epochs=1),)], model=shape("tiny"), sites=["S1", "S2", None], seeds=[0], threads=1, data="d")
TEXT = st.text(max_size=20)
PLAIN = st.dictionaries(
    st.sampled_from(["key", "said", "why"]), st.one_of(TEXT, st.none(), st.floats(allow_nan=False)), max_size=3
)


def lines(path):
    return [{name: value for name, value in line.items() if name != "at"} for line in read_ledger(path)]


@settings(max_examples=25, deadline=None)
@given(told=st.lists(PLAIN, min_size=1, max_size=8), cut=st.integers(0, 400), junk=st.binary(max_size=30))
def test_a_ledger_that_was_cut_or_scribbled_on_tells_its_whole_lines(tmp_path_factory, told, cut, junk):
    """Cut anywhere, the lines before the cut are all there; junk at the end is no line."""
    with Ledger(tmp_path_factory.mktemp("ledger")) as ledger:
        for one in told:
            ledger.add("noted", **one)
    written = [{"what": "noted", **one} for one in told] + [{"what": "ended", "why": ""}]
    assert lines(ledger.path) == written
    content = ledger.path.read_bytes()
    ledger.path.write_bytes(content[: len(content) - min(cut, len(content))] + junk.replace(b"\n", b""))
    found = lines(ledger.path)
    assert found == written[: len(found)]
    assert len(found) >= content[: len(content) - cut].count(b"\n") - 1 if cut < len(content) else True


def test_a_full_disk_ends_no_run(tmp_path):
    """What could not be written is missing; what comes after it is whole."""
    ledger = Ledger(tmp_path)
    ledger.add("first")
    real, ledger._file = ledger._file, Full()
    ledger.add("lost")
    ledger._file = real
    ledger.add("last")
    ledger._file.close()
    assert [line["what"] for line in read_ledger(ledger.path)] == ["first", "last"]


class Full(io.RawIOBase):
    def write(self, _):
        raise OSError(28, "No space left on device")


def story(folder):
    """A run in which one task is done, one failed, one runs."""
    first, second, third = TASKS
    ledger = Ledger(folder / FOLDER)
    ledger.begun([(task, 10.0) for task in TASKS], reused=4, on="local")
    for task in TASKS:
        ledger.started(task)
    ledger.epoch(third, "frames loss 0.5", 1, 2, 7.0)
    ledger.lost(third, "its process died")
    ledger.finished(first, {"cost": {"joules": 30.0, "seconds": 1.0, "provenance": "modelled"}, "attempts": [{}]})
    ledger.failed(second, "out of memory")
    ledger._file.close()


def test_status_tells_the_story(tmp_path):
    """Counts, joules so far and the time left are those of the lines."""
    story(tmp_path)
    told = read_status(tmp_path)
    assert {state: told.count(state) for state in ("running", "done", "failed", "waiting")} == {
        "running": 1,
        "done": 1,
        "failed": 1,
        "waiting": 0,
    }
    assert told.joules == 37.0
    assert told.ended is None
    assert told.left_s(told.begun + 25) == pytest.approx(25 * (30 - 25) / 25)
    page = io.StringIO()
    show_status(told, Console(file=page, width=200), logs=Cache(tmp_path / "tasks").log)
    assert "1 running, 0 waiting, 1 done, 1 failed; 4 were done before" in page.getvalue()
    assert "out of memory" in page.getvalue()


def test_no_ledger_says_what_to_give(tmp_path):
    """A folder that no run wrote to is named, with what to give instead."""
    with pytest.raises(ResultError, match=r"no run has written a ledger here.*folder that `slim run` writes to"):
        read_status(tmp_path)


def test_failed_tasks_begin_anew_and_only_they(tmp_path):
    """`--retry-failed` deletes the checkpoints of what failed; the bill of the tries stays."""
    story(tmp_path)
    cache, failed = Cache(tmp_path / "tasks"), TASKS[1]
    for task in TASKS:
        for name in ("checkpoint", "attempts"):
            (cache.partial(task.key) / name).mkdir()
    begin_failed_anew(tmp_path / FOLDER, cache, Console(file=io.StringIO()))
    assert list(failed_tasks(tmp_path / FOLDER)) == [failed.key]
    left = {task.key: sorted(path.name for path in cache.partial(task.key).iterdir()) for task in TASKS}
    assert left[failed.key] == ["attempts"]
    assert left[TASKS[0].key] == ["attempts", "checkpoint"]


def test_two_runs_never_share_a_file(tmp_path):
    """Each driver has a ledger of its own, and the newest is the last one's."""
    with Ledger(tmp_path) as first, Ledger(tmp_path) as second:
        first.add("noted")
    assert first.path != second.path
    assert newest(tmp_path) == second.path
