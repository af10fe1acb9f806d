"""An order to other machines: who does a task there is told a folder and a key, and how far it is comes back."""

import json
import time
from multiprocessing import get_context

import pytest

from slimaffect.execute import order as module
from slimaffect.execute.cache import Cache
from slimaffect.execute.engine import Heard
from slimaffect.execute.estimate import expected_seconds
from slimaffect.execute.execution import Execution
from slimaffect.execute.order import Order, serve


@pytest.fixture
def order(tmp_path, clips):
    return Order(Execution(on="ray", device="cpu"), clips, Cache(tmp_path / "tasks"))


def test_a_task_is_done_from_a_folder_and_a_key(order, training, tmp_path):
    """The process there reads everything from plain files, says that it begins, and seals the result in the cache."""
    task = training("S1", epochs=1)
    serve(str(order.folder), order.place(task))
    told = json.loads((order.folder / "tasks" / f"{task.key}.epoch").read_text())
    assert (told["done"], told["total"]) == (1, 1)
    assert order.outcome(task.key, "it died") == Heard("done", task.key)
    usual = expected_seconds([training("S1", epochs=1), training("S2", epochs=1)], Cache(tmp_path / "tasks"))
    assert len(set(usual.values())) == 1  # both are alike
    order.close()
    assert not order.folder.exists()


def test_a_task_without_a_result_is_lost_or_tells_why_it_failed(order, training):
    """A process that died left no answer: its engine's word counts, and the task may be tried again."""
    key = order.place(training("S1"))
    assert order.outcome(key, "it died") == Heard("lost", key, ("it died",))
    (order.folder / "tasks" / f"{key}.answer").write_text(json.dumps({"why": "out of memory"}))
    assert order.outcome(key, "it died") == Heard("failed", key, ("out of memory",))
    order.place(training("S1"))
    assert order.outcome(key, "it died").word == "lost"  # a new try begins without the old answer


def test_of_many_tasks_in_a_queue_each_has_its_turn(order, monkeypatch):
    """A look reads so many files and no more, goes on where the last one ended, and tells nothing twice."""
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    monkeypatch.setattr(module, "LOOKS", 2)
    keys = dict.fromkeys(["a", "b", "c", "d", "e"])
    for key in keys:
        told = {"said": "frames", "done": 1, "total": 4, "joules": None}
        (order.folder / "tasks" / f"{key}.epoch").write_text(json.dumps(told))
    looks = [[heard.key for heard in order.progress(keys)] for _ in range(5)]
    assert looks == [["a", "b"], ["c", "d"], ["e"], [], []]


def test_whoever_is_at_work_elsewhere_leaves_when_the_driver_does(order, training):
    """It keeps its last step and ends with the code for that; a file is all that it hears."""
    task = training("S1", epochs=1000)
    at_work = get_context("spawn").Process(target=serve, args=(str(order.folder), order.place(task)))
    at_work.start()
    checkpoints = order._cache.partial(task.key) / "checkpoint"
    while not list(checkpoints.glob("*.pt")):
        assert at_work.is_alive()
        time.sleep(0.1)
    order.leave()
    at_work.join(60)
    assert at_work.exitcode == 75
    assert list(checkpoints.glob("*.pt"))
