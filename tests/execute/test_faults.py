"""What goes wrong is said in a sentence with a way out, mended where it can be, and never hidden."""

import errno
import json
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from slimaffect.data.carry import copied, file_system, keep_clips, kept_clips
from slimaffect.data.clips import Recording, cut
from slimaffect.errors import NoNumberError, RunError, StoppedError
from slimaffect.execute import heartbeat as module
from slimaffect.execute.cache import DONE, Cache
from slimaffect.execute.execution import Execution
from slimaffect.execute.faults import explained, of_exit
from slimaffect.execute.heartbeat import FENCED, HUNG, Heartbeat
from slimaffect.execute.lease import take
from slimaffect.execute.on_ray import RayEngine
from slimaffect.execute.plan import Plan
from slimaffect.execute.schedule import run_plan
from slimaffect.execute.task import Task, read_task
from slimaffect.execute.worker import answered
from slimaffect.model.shapes import shape
from slimaffect.steps.train import Train

TASK = Task(shape("tiny"), (Train.model_validate({"frames": {"batch": 96}}),), "S1", 0, 1, "d")


class OutOfMemoryError(RuntimeError):
    """As torch.cuda raises it."""


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_out_of_memory_suggests_half_the_largest_batch(error, tmp_path):
    """The sentence names the setting, its value and its half."""
    told = str(explained(error, TASK, tmp_path))
    assert "out of memory at train" in told
    assert "--set train.frames.batch=48 (it is 96)" in told


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("PytorchStreamWriter failed writing file: file write failed"),
        ValueError('Error while serializing: I/O error: Os { code: 28, message: "No space left on device" }'),
    ],
)
def test_full_disk_says_where_and_what_to_do(error, tmp_path):
    """Whoever notices it, the sentence is the same."""
    assert "disk is full" in (told := str(explained(error, TASK, tmp_path)))
    assert str(tmp_path) in told
    assert "--cache PATH" in told


def test_a_defect_is_not_explained_away(tmp_path):
    """An error of the program keeps its own words and its traceback in the log."""
    assert explained(ValueError("a defect"), TASK, tmp_path) is None


@pytest.mark.parametrize(("code", "words"), [(-9, "out of memory"), (HUNG, "hung"), (FENCED, "taken"), (-7, "scratch")])
def test_an_exit_code_is_told_in_words(code, words):
    """Each way to die says what it usually means."""
    assert words in of_exit(code, 3)


def test_a_worker_that_hangs_or_lost_its_task_ends_itself(tmp_path, monkeypatch):
    """No frame and no processor time for long enough, or another holder: the process ends with the code for it."""
    codes, ended = [], threading.Event()
    monkeypatch.setattr(module, "_end", lambda code, _: (codes.append(code), ended.set()))
    monkeypatch.setattr(module, "tree_cpu_s", lambda: 1.0)
    lease = take(tmp_path / "k.lease", 60.0)
    with Heartbeat(lease, 0.02, 0.1, lambda: 7):
        assert ended.wait(20)
    assert codes[0] == HUNG
    codes.clear()
    ended.clear()
    lease.path.unlink()
    with Heartbeat(lease, 0.02, 60.0, lambda: 7):
        assert ended.wait(20)
    assert codes[0] == FENCED


def test_a_worker_that_passes_frames_or_computes_lives(tmp_path, monkeypatch):
    """Either is enough: an export passes no frames, and a GPU leaves the processor idle."""
    monkeypatch.setattr(module, "_end", lambda code, _: pytest.fail(str(code)))
    lease, frames = take(tmp_path / "k.lease", 60.0), iter(range(10**9))
    monkeypatch.setattr(module, "tree_cpu_s", lambda: 1.0)
    with Heartbeat(lease, 0.01, 0.05, lambda: next(frames)):
        time.sleep(0.3)
    monkeypatch.setattr(module, "tree_cpu_s", time.monotonic)
    with Heartbeat(lease, 0.01, 0.05, lambda: 7):
        time.sleep(0.3)


def test_sigterm_leaves_in_order_with_the_code_for_requeue(tmp_path):
    """The engine is asked to keep what runs; the error says how to go on, and its exit code is 75."""

    class Engine:
        slots, graces = 1, ()

        def submit(self, _):
            asked.set()

        def hear(self, _):
            return []

        def leave(self, grace_s):
            self.graces = (grace_s,)

        def close(self):
            pass

    engine, asked = Engine(), threading.Event()
    with pytest.raises(StoppedError, match=r"SIGTERM.*same command goes on.*75") as caught:
        run_plan(Plan([TASK], Cache(tmp_path)), engine, Silent(), attempts=1, leaving=asked.is_set)
    assert caught.value.exit_code == 75
    assert engine.graces[0] <= 10


LISTENS = """
import os, signal
from slimaffect.execute.schedule import asked_to_leave
before = signal.getsignal(signal.SIGTERM)
with asked_to_leave() as leaving:
    os.kill(os.getpid(), signal.SIGTERM)
    assert leaving()
assert signal.getsignal(signal.SIGTERM) is before
"""


def test_sigterm_is_heard_and_its_old_handler_comes_back():
    """In a process of its own: only a main thread may listen, and who runs the tests may run them in another."""
    subprocess.run([sys.executable, "-c", LISTENS], check=True)


class Silent:
    def __getattr__(self, name):
        return lambda *_: None


def test_a_changed_digit_in_a_record_is_noticed(tmp_path):
    """The record is sealed: a figure that reads well but is another one sets the task aside, and the plan says so."""
    cache = Cache(tmp_path)
    cache.partial(TASK.key)
    cache.finish(TASK.key, {"cost": {"joules": 123.0}})
    path = cache.folder(TASK.key) / DONE
    path.write_text(path.read_text().replace("123.0", "103.0"))
    plan = Plan([TASK], cache)
    assert plan.damaged == [TASK]
    assert list(plan.waiting) == [TASK.key]


def test_a_task_is_described_and_read_back():
    """Another machine finds the same key; other code is refused with what to do."""
    told = TASK.described()
    assert read_task(told).key == TASK.key
    with pytest.raises(RunError, match=r"another version of slimaffect.*same one on every node"):
        read_task(told | {"seed": 5})


def test_ray_without_an_address_is_refused(tmp_path, monkeypatch):
    """A cluster is named, never found: the message has the setting."""
    monkeypatch.setattr("slimaffect.execute.on_ray._imported", Uninitialised)
    with pytest.raises(RunError, match=r"names no cluster.*execution.address=HOST:PORT"):
        RayEngine(Execution(on="ray"), clips(), Cache(tmp_path))


class Uninitialised:
    @staticmethod
    def is_initialized():
        return False


def clips():
    frames = np.arange(40 * 3 * 16 * 16, dtype=np.uint8).reshape(40, 3, 16, 16)
    known = np.arange(40) % 7 > 0
    one = Recording("S1", "p", "t", frames, np.zeros((40, 2)), known, np.arange(40) / 5.0, "d")
    return cut([one], length=16, stride=8, rate=5.0)


def test_clips_are_carried_to_another_process_whole(tmp_path):
    """Read back, they have the same fingerprint, labels and frames; written twice, they lie there once."""
    mine = clips()
    folder = keep_clips(mine, tmp_path)
    assert keep_clips(mine, tmp_path) == folder
    found = kept_clips(folder, scratch=tmp_path / "scratch")
    assert found.fingerprint == mine.fingerprint
    assert np.array_equal(found.recordings[0].frames, mine.recordings[0].frames)
    assert np.array_equal(found.recordings[0].valid, mine.recordings[0].valid)
    assert not (tmp_path / "scratch").exists()  # this disk is no network's


def test_network_file_systems_are_told_apart_and_copied_from(tmp_path):
    """The longest mount that holds a path names its type; a copy is whole, and made once."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"a / ext4 rw 0 0\nhost:/x {tmp_path} nfs4 rw 0 0\nc {tmp_path}/loc\\040al xfs rw 0 0\n")
    assert file_system(tmp_path / "frames.npy", mounts) == "nfs4"
    assert file_system(tmp_path / "loc al" / "frames.npy", mounts) == "xfs"
    assert file_system(tmp_path.parent, mounts) == "ext4"
    (tmp_path / "frames.npy").write_bytes(b"frames")
    copy = copied(tmp_path / "frames.npy", tmp_path / "scratch", "digest")
    assert copied(tmp_path / "frames.npy", tmp_path / "scratch", "digest") == copy
    assert copy.read_bytes() == b"frames"
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["digest.npy"]


def test_error_of_a_loss_is_an_error_of_the_run():
    """Whoever catches failed runs catches it too."""
    assert issubclass(NoNumberError, RunError)


def test_a_worker_refuses_crops_that_were_prepared_anew(tmp_path, clips, training):
    """Another run prepared the recording again, from other labels: the task fails with that sentence, untrained."""
    first = clips.recordings[0]
    np.save(tmp_path / "frames.npy", first.frames)
    (tmp_path / "index.npz").write_bytes(b"")
    sizes = {name: (tmp_path / name).stat().st_size for name in ("frames.npy", "index.npz")}
    meta = {"digest": "of other labels", "frames": len(first), "faces": len(first), "bytes": sizes, "problems": []}
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    mapped = replace(first, frames=np.load(tmp_path / "frames.npy", mmap_mode="r"))
    changed, cache, task = replace(clips, recordings=(mapped, *clips.recordings[1:])), Cache(tmp_path), training("S1")
    how, why = answered(task, changed, cache, Execution(device="cpu"))
    assert how == "failed"
    assert "S1/S1P/t: its video or labels were changed" in why
    assert cache.read(task.key) is None
