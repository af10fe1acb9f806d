"""What a block of code cost: seconds, CPU-seconds, and joules by part of the machine."""

from dataclasses import dataclass
from typing import Any

from slimaffect.meter.counter import Provenance, weakest


@dataclass(frozen=True)
class Domain:
    """The joules of one part of the machine. `joules` is None where they are missing, and `why` says why."""

    name: str
    source: str
    provenance: Provenance
    joules: float | None
    interval: tuple[float, float] | None = None
    why: str = ""


@dataclass(frozen=True)
class Reading:
    """What a block of code cost so far.

    Attributes:
        seconds: wall time.
        cpu_s: CPU-seconds of this process and its children, live ones included.
        domains: joules by part of the machine.
        flags: what a reader of the figures should know.
    """

    seconds: float
    cpu_s: float
    domains: tuple[Domain, ...]
    flags: tuple[str, ...] = ()

    @property
    def provenance(self) -> Provenance:
        """The weakest origin among the domains that add up."""
        if self.joules is None:
            return "missing"
        return weakest({domain.provenance for domain in self.domains if domain.joules is not None})

    @property
    def joules(self) -> float | None:
        """Sum of all domains that have a figure; None when none has, or when a GPU's is missing: it is the largest."""
        if any(domain.name.startswith("gpu:") and domain.joules is None for domain in self.domains):
            return None
        found = [domain.joules for domain in self.domains if domain.joules is not None]
        return sum(found) if found else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Band of the modelled part plus the measured part as it is; None when nothing is modelled."""
        if self.provenance != "modelled":
            return None
        bands = [domain.interval or (domain.joules,) * 2 for domain in self.domains if domain.joules is not None]
        return sum(low for low, _ in bands), sum(high for _, high in bands)

    @property
    def gpu_seconds(self) -> float:
        """Seconds that GPUs were held, used or not."""
        return self.seconds * sum(domain.name.startswith("gpu:") for domain in self.domains)

    def as_dict(self) -> dict[str, Any]:
        """Write as JSON can hold it."""
        return {
            "seconds": self.seconds,
            "cpu_s": self.cpu_s,
            "gpu_seconds": self.gpu_seconds,
            "joules": self.joules,
            "interval": None if self.interval is None else list(self.interval),
            "provenance": self.provenance,
            "source": "+".join(sorted({domain.source for domain in self.domains if domain.joules is not None})) or None,
            "domains": {domain.name: domain.joules for domain in self.domains if domain.joules is not None},
            "domains_missing": {domain.name: domain.why for domain in self.domains if domain.joules is None},
            "flags": list(self.flags),
        }
