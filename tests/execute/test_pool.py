"""The pool: parents before children, a dead worker's task is tried again, a hopeless one takes only its own along."""

import os
from multiprocessing import get_context
from signal import SIGKILL, SIGSTOP

import pytest

from slimaffect.execute.cache import Cache
from slimaffect.execute.execution import Execution
from slimaffect.execute.plan import Plan
from slimaffect.execute.pool import Pool
from slimaffect.execute.schedule import run_plan
from slimaffect.execute.task import Task, tasks_of
from slimaffect.model.shapes import shape
from slimaffect.steps.distill import Distill
from slimaffect.steps.train import Train

TEACHER = (Train(epochs=1),)
STUDENT = (*TEACHER, Distill(student="micro"))


class Heard:
    """A view that remembers."""

    def __init__(self):
        self.told = []

    def started(self, task):
        self.told.append(("started", task.key))

    def epoch(self, task, *_):
        self.told.append(("epoch", task.key))

    def finished(self, task, _):
        self.told.append(("finished", task.key))

    def lost(self, task, why):
        self.told.append(("lost", task.key, why))

    def failed(self, task, why):
        self.told.append(("failed", task.key, why))


ATTEMPTS = Execution().attempts


def _work(pipe, folder, deaths, signal):
    """Answer tasks; give oneself a signal at each as often as `deaths` says."""
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        seen = folder / task.key
        count = len(seen.read_text()) if seen.exists() else 0
        if count < deaths.get(task.key, 0):
            seen.write_text("x" * (count + 1))
            os.kill(os.getpid(), signal)
        pipe.send(("epoch", "frames", 1, 2, None))
        Cache(folder / "cache").partial(task.key)
        Cache(folder / "cache").finish(task.key, {})
        pipe.send(("done",))


def tasks() -> list[Task]:
    return tasks_of([TEACHER, STUDENT], model=shape("tiny"), sites=["S1", None], seeds=[0], threads=1, data="d")


def run(tmp_path, *, signal=SIGKILL, **deaths):
    """Run all tasks with two real worker processes, forked because they need no torch of their own."""
    context, view, plan = get_context("fork"), Heard(), Plan(tasks(), Cache(tmp_path / "cache"))

    def hire(_):
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, tmp_path, deaths, signal), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    settings = Execution(workers=2, device="cpu", lease_s=1, hung_after_s=1)
    pool = Pool(settings, None, Cache(tmp_path / "cache"), 8, hire=hire)
    try:
        run_plan(plan, pool, view, attempts=ATTEMPTS, leaving=lambda: False)
    finally:
        pool.close()
    return plan, view


def test_every_task_runs_once_and_after_its_parent(tmp_path):
    """Variants share what their steps share, and nothing starts before what it starts from."""
    plan, view = run(tmp_path)
    started = [key for word, key, *_ in view.told if word == "started"]
    links = {link.key: link for task in tasks() for link in task.chain}
    assert sorted(started) == sorted(links) == sorted(plan.records)
    for key, link in links.items():
        if link.parent:
            assert view.told.index(("finished", link.parent.key)) < view.told.index(("started", key))


def test_task_of_a_dead_worker_is_tried_again(tmp_path):
    """A worker that dies costs one attempt: another takes the task, and it finishes once."""
    unlucky = tasks()[0].chain[0]
    plan, view = run(tmp_path, **{unlucky.key: 1})
    assert not plan.failures
    assert [key for word, key, *_ in view.told if word == "lost"] == [unlucky.key]
    ends = [key for word, key, *_ in view.told if word == "finished"]
    assert len(ends) == len(set(ends)) == len(plan.records) == 8


def test_a_worker_that_stands_still_before_it_holds_its_task_is_replaced(tmp_path):
    """It has no lease whose heart could be watched; it is ended all the same, and another does the task."""
    unlucky = tasks()[0].chain[0]
    plan, view = run(tmp_path, signal=SIGSTOP, **{unlucky.key: 1})
    assert not plan.failures
    assert [key for word, key, *_ in view.told if word == "lost"] == [unlucky.key]
    assert len(plan.records) == 8


def test_hopeless_task_takes_only_its_own_along(tmp_path):
    """After three deaths a task is given up with what starts from it; the other fold runs to its end."""
    doomed = next(link for task in tasks() for link in task.chain if link.held_out == "S1")
    plan, view = run(tmp_path, **{doomed.key: ATTEMPTS})
    assert [task.key for task, _ in plan.failures] == [doomed.key]
    assert "out of memory" in plan.failures[0][1]
    assert [key for word, key, *_ in view.told if word == "lost"] == [doomed.key] * (ATTEMPTS - 1)
    assert set(plan.records) == {link.key for task in tasks() if task.held_out is None for link in task.chain}


def test_finished_tasks_do_not_wait(tmp_path):
    """What is done, and what only led to it, is not planned again."""
    cache, (first, *_) = Cache(tmp_path), tasks()
    cache.partial(first.key)
    cache.finish(first.key, {})
    waiting = Plan([first], cache).waiting
    assert not waiting


@pytest.mark.parametrize(("workers", "tasks", "expected"), [(3, 10, 3), (3, 2, 2)])
def test_no_more_workers_than_tasks(workers, tasks, expected):
    """A worker without a task would only cost its start."""
    assert Execution(workers=workers).processes(tasks) == expected


def test_what_most_comes_after_goes_first(tmp_path):
    """All folds are trained before any is exported, and students before their teacher's export: no core idles at the end."""
    plan, order = Plan(tasks(), Cache(tmp_path / "cache")), []
    while (task := plan.next()) is not None:
        order.append((task.step, task.held_out))
        plan.done(task)
    trained, taught, exported = order[:2], order[2:4], order[4:]
    assert trained == [("train", "S1"), ("train", None)]
    assert taught == [("distill", "S1"), ("distill", None)]
    assert [step for step, _ in exported] == ["deploy"] * 4
