"""The scheduler: one for all engines, so that attempts, order and what is told are the same on each."""

from slimaffect.execute.cache import Cache
from slimaffect.execute.engine import Heard
from slimaffect.execute.plan import Plan
from slimaffect.execute.schedule import run_plan
from slimaffect.execute.task import tasks_of
from slimaffect.model.shapes import shape
from slimaffect.steps.train import Train


class Queue:
    """An engine that takes everything at once and does one task after the other; each dies as often as it is told."""

    slots = 100

    def __init__(self, cache, deaths=0):
        self.cache, self.deaths, self.waiting, self.tries = cache, deaths, [], {}

    def submit(self, task):
        self.waiting.append(task.key)

    def hear(self, _):
        key = self.waiting.pop(0)
        self.tries[key] = self.tries.get(key, 0) + 1
        if self.tries[key] <= self.deaths:
            return [Heard("lost", key, ("its node died",))]
        self.cache.partial(key)
        self.cache.finish(key, {})
        return [Heard("epoch", key, ("frames", 1, 2, None)), Heard("done", key)]

    def leave(self, _):
        pass

    def close(self):
        pass


class Story:
    """A view that remembers what was told of which task."""

    def __init__(self):
        self.told = []

    def __getattr__(self, word):
        return lambda task, *_: self.told.append((word, task.held_out))


def run(folder, *, deaths=0, attempts=3):
    cache, story = Cache(folder), Story()
    ends = tasks_of([(Train(epochs=1),)], model=shape("tiny"), sites=["S1", "S2"], seeds=[0], threads=1, data="d")
    plan = Plan([task.parent for task in ends], cache)
    run_plan(plan, Queue(cache, deaths), story, attempts=attempts, leaving=lambda: False)
    return plan, story.told


def test_a_task_that_waits_in_a_queue_is_not_told_as_running(tmp_path):
    """It began when its engine says the first word of it, not when it was lined up."""
    _, told = run(tmp_path)
    words = ["started", "epoch", "finished"]
    assert told == [(word, site) for site in ("S1", "S2") for word in words]


def test_attempts_are_counted_here_on_every_engine(tmp_path):
    """A task that is lost is tried so often in all, is told to begin once, and then given up."""
    plan, told = run(tmp_path / "saved", deaths=2)
    assert not plan.failures
    assert [word for word, site in told if site == "S1"] == ["started", "lost", "lost", "epoch", "finished"]
    plan, told = run(tmp_path / "given up", deaths=2, attempts=2)
    assert [why for _, why in plan.failures] == ["its node died"] * 2
    assert [word for word, site in told if site == "S1"] == ["started", "lost", "failed"]
