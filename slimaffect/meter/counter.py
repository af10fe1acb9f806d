"""What an energy counter is, where its joules come from, and a guard that no counter goes back unseen."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Literal, Protocol, runtime_checkable

Provenance = Literal["measured", "sampled", "modelled", "missing"]
"""A hardware energy counter; integrated power readings; no sensor at all; nothing."""
Scope = Literal["device", "whole_gpu", "package", "board", "process_tree"]
"""What a counter sees. `whole_gpu`: the user has a slice of a GPU, and the counter bills all of it."""

WEAKEST_FIRST: tuple[Provenance, ...] = ("missing", "modelled", "sampled", "measured")


@runtime_checkable
class Described(Protocol):
    """What is known of an energy counter without reading it.

    Attributes:
        domain: `gpu:0`, `cpu:package-0`, `dram:0`, `soc`.
        source: `nvml`, `rapl`, `zeus.amd`, `zeus.apple`, `zeus.jetson`.
        update_s: how often its figure is renewed; 0 where it is renewed faster than it is read.
        rel_sys: the share by which all its figures may be wrong alike; it cancels in ratios on one device.
        flags: what a reader of its figures should know.
    """

    domain: str
    source: str
    provenance: Provenance
    scope: Scope
    update_s: float
    rel_sys: float
    flags: tuple[str, ...]


@runtime_checkable
class Counter(Described, Protocol):
    """A cumulative energy counter of one part of the machine."""

    def read_j(self) -> float:
        """Joules since some moment; never goes back."""
        ...


@dataclass
class CounterFacts:
    """What another process told of the counter that it read."""

    domain: str
    source: str
    provenance: Provenance
    scope: Scope
    update_s: float
    rel_sys: float
    flags: tuple[str, ...]

    @classmethod
    def of(cls, counter: Described) -> "CounterFacts":
        """Keep what is known of a counter, without the counter."""
        return cls(**{part.name: getattr(counter, part.name) for part in fields(cls)})


@dataclass
class Guarded:
    """A counter that remembers whether any reading went back: comparing only the ends would miss a reset."""

    counter: Counter
    _last: float = field(default=float("-inf"), init=False)
    broken: str = field(default="", init=False)

    def read_j(self) -> float:
        """Read, and note a reading below the one before."""
        now = self.counter.read_j()
        if now < self._last and not self.broken:
            self.broken = f"{self.counter.domain} went back from {self._last:g} to {now:g} J: it was reset"
        self._last = now
        return now


def of_rank(counters: "list[Counter]", local_rank: int, gpu: str | None = None) -> "list[Counter]":
    """Choose what one of several processes on a node reads, so that each counter is read by one.

    Each rank owns its GPU; only local rank 0 owns what all of them share.

    Args:
        counters: all that the node has.
        local_rank: number of the process on its node.
        gpu: domain of the GPU that this rank uses; None: it uses none.
    """
    return [one for one in counters if one.domain == gpu or (local_rank == 0 and not one.domain.startswith("gpu:"))]


def weakest(origins: Iterable[str]) -> Provenance:
    """Call a sum by its weakest part.

    >>> weakest(["measured", "modelled"])
    'modelled'
    """
    found = set(origins)
    present: list[Provenance] = [origin for origin in WEAKEST_FIRST if origin in found]
    return present[0] if present else "missing"
