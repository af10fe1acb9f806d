"""One rank of a task that several processes do together. torchrun starts it."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slimaffect.data.carry import kept_clips
from slimaffect.execute.agent import AGENT
from slimaffect.execute.cache import Cache, write_json
from slimaffect.execute.elastic import FIGURES, rank_says
from slimaffect.execute.heartbeat import STOPPED
from slimaffect.execute.lease import Lease
from slimaffect.execute.lifeline import die_with_parent
from slimaffect.execute.schedule import asked_to_leave
from slimaffect.execute.store import save_candidate
from slimaffect.execute.task import read_task
from slimaffect.execute.worker import given
from slimaffect.train.device import computing_on
from slimaffect.train.journal import Journal, Leaving, keeping
from slimaffect.train.ranks import launched, life, local_rank, ranks


class RankJournal(Journal):
    """The journal of a rank: all read the checkpoint; the first writes it and tells the worker of the epochs."""

    def __init__(self, checkpoint: Path, lease: Lease, say: Callable[..., None], leaving: Callable[[], bool]) -> None:
        super().__init__(checkpoint)
        self._lease, self._say, self._leaving = lease, say, leaving

    def epoch(self, stage: str, done: int, total: int, **figures: float) -> None:
        """Tell the worker, with the frames of all ranks."""
        if ranks().number == 0:
            self._say(stage=stage, done=done, total=total, figures=figures, **self.passed())

    def passed(self) -> dict[str, int]:
        """Count what all ranks have passed since torchrun last started them."""
        return {"life": life(), "examples": self.examples * ranks().count, "trainings": self.trainings}

    def may_write(self) -> None:
        """Look whether the worker still holds the task."""
        self._lease.check()

    def leaving(self) -> bool:
        """Tell whether this rank was asked to leave."""
        return self._leaving()

    def report(self, sentence: str) -> None:
        """Log it."""
        print(f"rank {ranks().number}: {sentence}", flush=True)  # noqa: T201  (the task's log)


def main(order: Path) -> None:
    """Do the task's step with the other ranks; the first writes what comes out."""
    import torch

    die_with_parent(int(os.environ[AGENT]))
    told = json.loads(order.read_text())
    task, cache, folder = read_task(told["task"]), Cache(Path(told["cache"])), Path(told["folder"])
    clips = kept_clips(Path(told["clips"]), Path(told["scratch"]) if told["scratch"] else None)
    lease = Lease(Path(told["lease"]["path"]), told["lease"]["number"], told["lease"]["identity"])
    torch.set_num_threads(task.threads)
    cuda = task.device == "cuda"
    mine = f"cuda:{told['first_gpu'] + local_rank()}" if cuda else "cpu"
    if cuda:
        torch.cuda.set_device(mine)
    with computing_on(mine), launched("nccl" if cuda else "gloo") as group:
        with asked_to_leave() as leaving:
            opened = RankJournal(order.parent, lease, rank_says(order), leaving)
            with keeping(opened):
                candidate = task.steps[-1].apply(given(task, clips, cache))
        if group.number == 0:
            opened.may_write()
            save_candidate(candidate, folder)
            found: dict[str, Any] = {"figures": opened.figures}
            write_json(order.with_name(FIGURES), found | opened.passed())


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except Leaving:
        sys.exit(STOPPED)
