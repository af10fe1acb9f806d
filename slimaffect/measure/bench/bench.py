"""The bench: the same job in one fresh process after another, and what all of them say together."""

import json
import math
import platform
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from slimaffect.callbacks import Watch, ignore
from slimaffect.errors import EnergyError
from slimaffect.files import whole
from slimaffect.measure.bench.entries import Entry, Opener, Setting, open_entry
from slimaffect.measure.bench.process import TWIN, Job, Measured, log_ratios, measure
from slimaffect.measure.bench.schedule import RATE_HZ
from slimaffect.measure.bench.verdict import Comparison, compare
from slimaffect.measure.latency import P90_FLOOR, P99_FLOOR, percentile
from slimaffect.meter.carbon import Intensity, carbon_of
from slimaffect.meter.counter import Described
from slimaffect.meter.cpu import CONSTANT, CpuModel, CpuPower, cpu_power
from slimaffect.meter.estimate import Estimate, Idle, estimate
from slimaffect.meter.record import Carbon, EnergyRecord, Identity, refuse_unlike
from slimaffect.meter.recorded import energy_record
from slimaffect.packages import installed

PROCESSES = 6
MOST = 4  # times as many, where a busy machine makes the first differ from itself
PACKAGES = ("onnxruntime-gpu", "onnxruntime", "openvino", "numpy")


@dataclass(frozen=True)
class Bench:
    """What came of it.

    Attributes:
        records: one for each entry, energy and latency from the same windows.
        comparisons: each further entry against the first, in CPU time (and in joules where a counter measured them).
        cpu_ms: CPU time of a unit by entry, over processes.
        null: the first against a second copy of itself.
    """

    setting: Setting
    records: tuple[EnergyRecord, ...]
    comparisons: tuple[Comparison, ...]
    cpu_ms: dict[str, Estimate]
    null: Comparison

    def as_dict(self) -> dict[str, Any]:
        """Write as JSON can hold it."""
        return {
            "schema": "slimaffect.energy/1",
            "what": "models side by side in fresh processes; ratios of CPU time against the first",
            "setting": vars(self.setting),
            "comparisons": [_plain(one) for one in (self.null, *self.comparisons)],
            "cpu_ms_per_unit": {
                name: {"mean": one.mean, "ci95": one.interval, "n_processes": one.n}
                for name, one in self.cpu_ms.items()
            },
            "records": [record.model_dump(mode="json", by_alias=True) for record in self.records],
        }

    def write(self, path: Path) -> None:
        """Write the record."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as file:
            file.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")


def bench(
    entries: Sequence[Entry],
    setting: Setting,
    *,
    seconds: float = 60.0,
    processes: int = PROCESSES,
    resolve: float = 0.05,
    require_measured: bool = False,
    carbon: Intensity | None = None,
    opener: Opener = open_entry,
    warm_s: float = 0.3,
    watch: Watch = ignore,
) -> Bench:
    """Measure all entries in fresh processes.

    Args:
        entries: the first of them is the one all others are compared with.
        setting: how each is run.
        seconds: of measuring over all processes; hardware counters take what their windows need.
        processes: one after the other; fewer than 5 give no verdict.
        resolve: more are started, up to four times as many, while the first differs from itself by more than this.
            Only the first and its copy decide that, so no difference is helped by it.
        require_measured: refuse to model joules.
        carbon: of the electricity here; None: no grams.
        opener: opens an entry in the fresh process.
        warm_s: shortest warm-up of each entry in each process.
        watch: told how many processes are done.

    Raises:
        BundleError: an entry does not run here.
        EnergyError: joules must be measured, and no counter can be read.
    """
    power = cpu_power()
    measured: list[Measured] = []
    while len(measured) < processes or (len(measured) < MOST * processes and _strays(measured, entries[0], resolve)):
        number = len(measured)
        job = Job(tuple(entries), setting, seconds / processes, number, warm_s, power=power)
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            measured.append(pool.submit(measure, job, opener).result())
        if require_measured:
            _refuse_modelled(measured[0])
        watch("measure in fresh processes", number + 1, max(processes, number + 1))
    return assemble(entries, setting, measured, power, carbon)


def assemble(
    entries: Sequence[Entry],
    setting: Setting,
    measured: Sequence[Measured],
    power: CpuPower = CONSTANT,
    carbon: Intensity | None = None,
) -> Bench:
    """Put together what the processes say."""
    first, others = entries[0].name, [entry.name for entry in entries[1:]]
    null_logs = [log_ratios(one, TWIN, first) for one in measured]
    null = compare(TWIN, null_logs, null_logs)
    records = tuple(_record(entry, setting, measured, null_logs, power, carbon) for entry in entries)
    for record in records[1:]:
        refuse_unlike(records[0], record)
    return Bench(
        setting,
        records,
        tuple(
            compare(name, [log_ratios(one, name, first) for one in measured], null_logs, compared=len(others))
            for name in others
        ),
        {
            entry.name: estimate([1e3 * float(np.median(one.taken[entry.name].cpu_s)) for one in measured])
            for entry in entries
        },
        null,
    )


def _strays(measured: Sequence[Measured], first: Entry, resolve: float) -> bool:
    """Tell whether the first still differs from its own copy by more than is to be resolved."""
    logs = [log_ratios(one, TWIN, first.name) for one in measured]
    null = compare(TWIN, logs, logs)
    return null.said != "too few processes" and null.band > resolve


def _refuse_modelled(one: Measured) -> None:
    if any(counter.provenance == "modelled" for counter in one.counters):
        raise EnergyError(
            "--require measured: no energy counter can be read here, so joules would be modelled from CPU-seconds. "
            "`slim doctor` says why and what to do; or leave the option out."
        )


def _record(
    entry: Entry,
    setting: Setting,
    measured: Sequence[Measured],
    null_logs: Sequence[float],
    power: CpuPower,
    carbon: Intensity | None,
) -> EnergyRecord:
    taken = [one.taken[entry.name] for one in measured]
    used: Sequence[Described] = measured[0].counters
    if all(counter.provenance == "modelled" for counter in used):
        used = [CpuModel(power)]
    record = energy_record(
        Identity(
            name=entry.name,
            scenario=setting.scenario,
            model_sha256=entry.sha256,
            unit="frame" if setting.scenario == "stream30" else "clip",
            units=0,
            frames_per_unit=setting.frames_per_unit,
            batch=setting.units,
        ),
        [window for one in taken for window in one.windows],
        used,
        _mean_idle([one.idle for one in measured]),
        processes=[number for number, one in enumerate(taken) for _ in one.windows],
        sampling={"null_test_pct": 100 * math.expm1(fmean(null_logs))},
        env=_environment(entry, setting, measured),
        flags=[flag for one in (*taken, *measured) for flag in one.flags],
        latency_ms=_latency([ms for one in taken for ms in one.ms], setting, taken[0].duty),
    )
    return record.model_copy(update={"carbon": Carbon(**carbon_of(record.totals.joules_total, carbon))})


def _mean_idle(each: Sequence[Idle | None]) -> Idle | None:
    known = [one for one in each if one is not None]
    if not known:
        return None
    return Idle(fmean(one.before_w for one in known), fmean(one.after_w for one in known))


def _latency(ms: Sequence[float], setting: Setting, duty: float | None) -> dict[str, Any]:
    """Percentiles with order-statistic intervals; None where too few runs tell them."""
    ordered, floors = np.sort(ms), {"p50": (0.5, 1), "p90": (0.9, P90_FLOOR), "p99": (0.99, P99_FLOOR)}
    told: dict[str, Any] = {"n": len(ms), "of": "run" if setting.scenario == "offline" else "unit"}
    for name, (share, least) in floors.items():
        one = percentile(ordered, share) if len(ms) >= least else None
        told[name] = None if one is None else {"ms": one.ms, "ci95": list(one.interval)}
    if setting.scenario == "stream30":
        late = float((ordered > 1e3 / RATE_HZ).mean()) if len(ms) else None
        told |= {"rate_hz": RATE_HZ, "deadline_missed": late, "duty_cycle": duty}
    return told


def _environment(entry: Entry, setting: Setting, measured: Sequence[Measured]) -> dict[str, Any]:
    shares = [one.contention for one in measured]
    names = {name for one in shares for name in one}
    return {
        "runtime": entry.runtime or "onnxruntime (a file of another maker, on random inputs)",
        "threads": setting.threads,
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: found for name in PACKAGES if (found := installed(name))},
        "contention": {name: _mean([one.get(name) for one in shares]) for name in sorted(names)},
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _plain(one: Comparison) -> dict[str, Any]:
    band = None if math.isnan(one.band) else one.band
    return {"name": one.name, "ratio": one.ratio.mean, "ci95": one.ratio.interval, "band": band, "said": one.said}
