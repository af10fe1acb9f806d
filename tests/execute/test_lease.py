"""The lease: one holder, whatever dies, and whatever the clocks do."""

import json
import multiprocessing
import os
import time

import pytest

from slimaffect.errors import LeaseError
from slimaffect.execute import lease as module
from slimaffect.execute.lease import Watched, take, wait_for


def _hold(folder, taken):
    take(folder, 60.0)
    taken.set()
    time.sleep(60)


def test_one_contender_of_many_takes_it(tmp_path):
    """Whoever links the number first has it; the others hear that somebody has."""
    folder = tmp_path / "k.lease"
    found = [take(folder, 60.0) for _ in range(5)]
    assert [lease is not None for lease in found] == [True, False, False, False, False]
    assert found[0].held


def test_the_lease_of_a_dead_process_is_free_at_once(tmp_path):
    """A holder that was killed here blocks nobody, and the number grows."""
    folder, context = tmp_path / "k.lease", multiprocessing.get_context("fork")
    taken = context.Event()
    holder = context.Process(target=_hold, args=(folder, taken))
    holder.start()
    assert taken.wait(30)
    assert take(folder, 60.0) is None
    holder.kill()
    holder.join()
    lease = take(folder, 60.0)
    assert lease.number == 2
    assert lease.held


def test_a_reused_process_number_is_no_life_sign(tmp_path):
    """The same number with another start is another process."""
    folder = tmp_path / "k.lease"
    lease = take(folder, 60.0)
    told = json.loads(lease.path.read_text())
    lease.path.write_text(json.dumps(told | {"started": "1"}))
    assert take(folder, 60.0).number == 2


def test_an_old_holder_may_not_write(tmp_path, monkeypatch):
    """After another took over, the fenced holder's look before a write objects and says why."""
    folder = tmp_path / "k.lease"
    old = take(folder, 0.0)
    monkeypatch.setattr(module, "holder_is_dead", lambda _: True)
    new = take(folder, 0.0)
    assert new.held
    assert not old.held
    with pytest.raises(LeaseError, match=r"no longer holds the task .*lease_s.*Nothing was written"):
        old.check()
    new.release()
    assert take(folder, 0.0).number == 1
    assert not old.held  # the number is the same again, the holder is not


def test_a_still_heart_loses_the_lease_by_a_clock_that_cannot_jump(tmp_path):
    """A file's time may say anything: what counts is how long the watcher has not seen it change."""
    folder, now = tmp_path / "k.lease", [100.0]
    lease = take(folder, 60.0)
    watched = Watched(lease.path, clock=lambda: now[0])
    assert watched.still_s() == 0
    now[0] += 50
    assert watched.still_s() == 50
    for jumped in (0, 10**19, 5 * 10**17):  # 1970, far ahead, 1985
        os.utime(lease.path, ns=(jumped, jumped))
        lease.beat()
        assert watched.still_s() == 0
        now[0] += 30
    assert watched.still_s() == 30


def test_waiting_ends_when_the_task_is_done(tmp_path):
    """Nobody takes a lease for what is finished already."""
    folder = tmp_path / "k.lease"
    take(folder, 60.0)
    answers = iter([False, False, True])
    assert wait_for(folder, 60.0, lambda: next(answers)) is None


def test_a_waiting_process_takes_over_from_a_still_heart(tmp_path, monkeypatch):
    """A holder elsewhere that does not beat for the lease's time has lost it."""
    folder = tmp_path / "k.lease"
    lease = take(folder, 0.3)
    lease.path.write_text(json.dumps(json.loads(lease.path.read_text()) | {"where": "another machine"}))
    monkeypatch.setattr(module, "POLL_S", 0.02)
    began = time.monotonic()
    assert wait_for(folder, 0.3, lambda: False).number == 2
    assert time.monotonic() - began >= 0.3


def test_whoever_waits_goes_by_the_patience_of_the_holder(tmp_path, monkeypatch):
    """Two runs may set different times: a heart that beats slower than ours is no dead one."""
    folder = tmp_path / "k.lease"
    lease = take(folder, 600.0)
    lease.path.write_text(json.dumps(json.loads(lease.path.read_text()) | {"where": "another machine"}))
    monkeypatch.setattr(module, "POLL_S", 0.02)
    ends = time.monotonic() + 0.3
    assert wait_for(folder, 0.01, lambda: time.monotonic() > ends) is None
    assert lease.held


def test_an_old_holder_lets_nothing_go(tmp_path, monkeypatch):
    """Its number may be another holder's by now, whose file must stay."""
    folder = tmp_path / "k.lease"
    old = take(folder, 60.0)
    monkeypatch.setattr(module, "holder_is_dead", lambda _: True)
    take(folder, 60.0).release()
    new = take(folder, 60.0)
    assert new.number == old.number
    old.release()
    assert new.held
    new.release()
    assert not folder.exists()


def test_a_lease_costs_the_same_among_many_tasks(tmp_path, monkeypatch):
    """Only the folder of the task itself is listed, however many tasks lie beside it."""
    for number in range(300):
        (tmp_path / f"{number}.lease").mkdir()
    listed, real = [], os.listdir
    monkeypatch.setattr(module.os, "listdir", lambda folder: listed.append(real(folder)) or listed[-1])
    lease = take(tmp_path / "7.lease", 60.0)
    lease.check()
    lease.release()
    assert max(map(len, listed)) <= 1


def test_no_signal_is_sent_where_it_would_interrupt(monkeypatch):
    """On Windows signal 0 is Ctrl-C: nobody is asked, and nobody is taken for dead."""
    monkeypatch.setattr(module, "_text", lambda _: None)
    monkeypatch.setattr(module.sys, "platform", "win32")
    monkeypatch.setattr(module.os, "kill", lambda *_: pytest.fail("a signal was sent"))
    assert module.process_lives(os.getpid()) is None
    assert not module.holder_is_dead({"where": module.where(), "pid": os.getpid(), "started": "?"})


def test_a_process_of_somebody_else_lives(monkeypatch):
    """Where the system lists no processes, one that may not be signalled is there."""

    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(module, "_text", lambda _: None)
    monkeypatch.setattr(module.os, "kill", refused)
    assert module.process_lives(1) is True
