"""Several ranks for one task: torchrun starts them; when one dies all begin again, and end with what one process finds."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from slimaffect.errors import RunError
from slimaffect.execute import elastic, execution
from slimaffect.execute.cache import Cache
from slimaffect.execute.elastic import Lives
from slimaffect.execute.execution import Execution
from slimaffect.execute.worker import perform
from slimaffect.train.journal import Journal

EPOCHS = 3


def rank_processes(order):
    """The living ranks of an order below a folder; their launcher, which names it too, is left out."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(order).encode() in command[-2:][0] and b"slimaffect.execute.agent" not in command:
            found.append(int(file.parent.name))
    return sorted(found)


def weights(cache, task):
    return load_file(cache.folder(task.key) / "weights.safetensors")


@pytest.mark.slow
def test_a_killed_rank_costs_an_epoch_at_most_and_no_digit(tmp_path, clips, training, monkeypatch):
    """SIGKILL of one of two ranks: the weights are one process's to 1e-5, and what is lost is the epoch under way."""
    monkeypatch.setattr(elastic, "LOOK_S", 0.01)
    settings = Execution(device="cpu", ranks=2)
    alone, together = (training("S1", epochs=EPOCHS, ranks=ranks) for ranks in (1, 2))
    caches, killed, epochs = [Cache(tmp_path / name) for name in ("one", "two")], [], []

    def kill(_, done, *__):
        epochs.append(done)
        if done == 1 and not killed:
            killed.append(rank_processes(tmp_path)[-1])
            os.kill(killed[0], signal.SIGKILL)

    perform(alone, clips, caches[0], settings=settings)
    record = perform(together, clips, caches[1], kill, settings)
    expected, found = weights(caches[0], alone), weights(caches[1], together)
    assert max(np.abs(found[name] - expected[name]).max() for name in expected) < 1e-5
    assert record["cost"]["trainings"] == 2  # torchrun started them again
    assert sorted(set(epochs)) == [*range(1, EPOCHS + 1)]
    assert len(epochs) <= EPOCHS + 1
    assert len(record["attempts"]) == 1  # the worker lived, and its bill goes on
    assert not rank_processes(tmp_path)


def test_what_passed_before_a_restart_is_counted():
    """Ranks that are started again count from nought; the bill does not."""
    journal = Journal()
    lives = Lives(journal)
    for life, examples in ((0, 10), (0, 20), (1, 10), (1, 15), (2, 5)):
        lives.count({"life": life, "examples": examples, "trainings": 1})
    assert (journal.examples, journal.trainings) == (20 + 15 + 5, 3)


def test_tasks_of_several_ranks_share_out_the_gpus(monkeypatch):
    """Two ranks each on five GPUs: two tasks at once, on GPUs 0 and 1 and on 2 and 3."""
    monkeypatch.setattr(execution, "gpus_here", lambda: 5)
    settings = Execution(ranks=2)
    assert settings.places() == ("cuda:0", "cuda:2")
    assert settings.processes(10) == 2


def test_more_ranks_than_gpus_are_refused(monkeypatch):
    """The message has both numbers and the setting."""
    monkeypatch.setattr(execution, "gpus_here", lambda: 2)
    with pytest.raises(RunError, match=r"execution.ranks is 4.*sees 2 GPU.*Set execution.ranks"):
        Execution(ranks=4).places()
