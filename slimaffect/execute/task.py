"""A task: one step of a variant, on one fold with one seed. Variants share the tasks their steps share."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from slimaffect.data.clips import Clips
from slimaffect.errors import RunError
from slimaffect.execute.cache import code_version
from slimaffect.model.spec import ModelSpec
from slimaffect.runtime.building import EngineAsked
from slimaffect.steps import STEPS, Step

PLAIN = ("held_out", "seed", "threads", "data", "deploy", "device", "ranks")
TRAINING_ROOMS = ("steps", "select", "search", "train", "model", "evaluate", "data/clips")
DEPLOYING_ROOMS = ("export", "runtime", "measure")


@dataclass(frozen=True, eq=False)
class Task:
    """The last of `steps` on one fold with one seed, after the tasks of the steps before it.

    Because a step is a pure function, the key names its result completely: code, training clips, model, seed,
    threads and steps. Variants and recipes that begin alike share the beginning, and a killed run goes on.

    Attributes:
        held_out: the site left out of `training`; None for the model that ships, which is trained on all sites.
        steps: the steps so far; this task applies the last one.
        deploy: True for the task that ends a variant: export the candidate and, with a site held out, answer on it.
    """

    model: ModelSpec
    steps: tuple[Step, ...]
    held_out: str | None
    seed: int
    threads: int
    data: str  # fingerprint of the prepared clips of all sites
    deploy: bool = False
    engine: EngineAsked | None = None  # of a model that ships: build its GPU engine too
    device: str = "cpu"  # the kind of processor that trains
    ranks: int = 1  # processes that train it together

    @cached_property
    def parent(self) -> "Task | None":
        """The task whose result this one starts from."""
        if self.deploy:
            return replace(self, deploy=False, engine=None)
        if len(self.steps) == 1:
            return None
        return replace(self, steps=self.steps[:-1])

    @property
    def step(self) -> str:
        """The word for what it does: its step's name, or `deploy`."""
        return "deploy" if self.deploy else self.steps[-1].name

    @property
    def settings(self) -> dict[str, Any]:
        """What its step was set to, as in the recipe."""
        return {} if self.deploy else {self.step: self.steps[-1].model_dump(mode="json")}

    @property
    def settled(self) -> list[dict[str, Any]]:
        """Its steps with every setting, as plain values."""
        return [{step.name: step.model_dump(mode="json")} for step in self.steps]

    @property
    def name(self) -> str:
        """What a person reads: `distill tiny, site1 held out, seed 0`."""
        where = f"{self.held_out} held out" if self.held_out else "all sites"
        what = "export and score" if self.deploy and self.held_out else "export" if self.deploy else str(self.steps[-1])
        return f"{what} · {where} · seed {self.seed}"

    @cached_property
    def key(self) -> str:
        """sha256 of everything that could change the result."""
        exported = self.deploy or any(step.exports for step in self.steps)
        rooms = TRAINING_ROOMS + (DEPLOYING_ROOMS if exported else ())
        content = {
            "code": code_version(*rooms),
            "data": self.data,
            "model": self.model.model_dump(mode="json"),
            "steps": self.settled,
            "held_out": self.held_out,
            "seed": self.seed,
            "threads": self.threads,  # the order of sums, hence the last digits, depends on it
            "device": self.device,
            "deploy": self.deploy,
            "engine": self.engine and self.engine.record(),
        }
        if self.ranks > 1:  # sums depend on it too; tasks of one process keep their keys
            content["ranks"] = self.ranks
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @cached_property
    def chain(self) -> tuple["Task", ...]:
        """The tasks from the first step to this one."""
        return (*self.parent.chain, self) if self.parent else (self,)

    def described(self) -> dict[str, Any]:
        """Write it down as plain values, for a process on another machine; `read_task` reads it back."""
        plain = {"held_out": self.held_out, "seed": self.seed, "threads": self.threads, "data": self.data}
        engine = self.engine and self.engine.record()
        more = {"deploy": self.deploy, "engine": engine, "device": self.device, "ranks": self.ranks}
        return plain | more | {"key": self.key, "model": self.model.model_dump(mode="json"), "steps": self.settled}

    def training(self, clips: Clips) -> Clips:
        """Everything but the held-out site: all that a step may see."""
        return clips.without_site(self.held_out)


def read_task(told: dict[str, Any]) -> Task:
    """Read a task that was described.

    Raises:
        RunError: this machine's code would compute something else under the same key.
    """
    steps = tuple(STEPS[name].model_validate(settings) for one in told["steps"] for name, settings in one.items())
    same = {name: told[name] for name in PLAIN}
    engine = told["engine"] and EngineAsked.read(told["engine"])
    task = Task(ModelSpec.model_validate(told["model"]), steps, engine=engine, **same)
    if task.key != told["key"]:
        raise RunError(
            f"The task {task.name} has key {told['key'][:12]} where it was planned and {task.key[:12]} here: this "
            "machine has another version of slimaffect. Install the same one on every node."
        )
    return task


def tasks_of(
    variants: Iterable[tuple[Step, ...]],
    *,
    model: ModelSpec,
    sites: Sequence[str | None],
    seeds: Sequence[int],
    threads: int,
    data: str,
    engine: EngineAsked | None = None,
    device: str = "cpu",
    ranks: int = 1,
) -> list[Task]:
    """List the last task of every variant, for each seed and each site held out (None: hold out nothing)."""
    return [
        Task(model, steps, site, seed, threads, data, deploy=True, engine=engine, device=device, ranks=ranks)
        for steps in variants
        for seed in seeds
        for site in sites
    ]
