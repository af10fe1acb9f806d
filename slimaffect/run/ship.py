"""What ships: every variant's model of all sites, timed side by side; the fastest file and runtime of each deploys."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from slimaffect.callbacks import Watch
from slimaffect.data import Prepared
from slimaffect.errors import RunError
from slimaffect.execute.cache import Cache, file_hash, write_json
from slimaffect.export.bundle import write_bundle
from slimaffect.export.onnx import Away, Exported
from slimaffect.export.tensorrt import Engine, Profile
from slimaffect.measure.contenders import clip_reader, fastest
from slimaffect.measure.facts import file_facts, peak_memory_mb
from slimaffect.measure.latency import measure_clips
from slimaffect.measure.peak import core_gflops
from slimaffect.meter import cpu_power
from slimaffect.model.spec import ModelSpec
from slimaffect.recipe import Recipe, recipe_hash
from slimaffect.result import ClipTime, Deploy, Energy, LeftOut, Timing, VariantScores
from slimaffect.run.environment import environment
from slimaffect.run.finished import Finished, Records
from slimaffect.runtime.bundle import Chosen, Preprocessing
from slimaffect.runtime.session import CpuRuntime, Runtime

BUDGET_S = 3.0  # of timing for each contender
MEASURED = "measured.json"


@dataclass(frozen=True)
class Contender:
    """One exported file of one variant under one runtime."""

    variant: str
    flavour: str
    runtime: Runtime
    file: Path

    @property
    def name(self) -> str:
        """A name that no other contender of the run has."""
        return f"{self.variant}/{self.flavour}/{self.runtime}"


def ship(
    everything: list[Finished], records: Records, recipe: Recipe, cache: Cache, folder: Path, watch: Watch
) -> dict[str, Deploy]:
    """Time every contender of every variant in one process and choose what deploys, by least CPU time."""
    contending = contenders(everything, records, recipe, cache)
    timed, peak = time_all(contending, recipe, folder / MEASURED, watch), core_gflops(threads=recipe.deploy.threads)
    deployed = {}
    for number, one in enumerate(everything, start=1):
        mine = [contender for contender in contending if contender.variant == one.variant.name]
        winner = fastest({contender: timed[contender.name]["cpu_s_per_clip"] for contender in mine})
        found = _deploy(winner, mine, timed, records[one.shipped.key]["figures"], recipe)
        deployed[one.variant.name] = found.model_copy(update={"of_peak": _of_peak(found, peak)})
        watch("measure memory", number, len(everything))
    return deployed


def contenders(everything: list[Finished], records: Records, recipe: Recipe, cache: Cache) -> list[Contender]:
    """List every file and runtime that could deploy a variant.

    Raises:
        RunError: the recipe allows only runtimes that answer a variant wrongly on this machine.
    """
    return [contender for one in everything for contender in _of_variant(one, records, recipe, cache)]


def _of_variant(one: Finished, records: Records, recipe: Recipe, cache: Cache) -> list[Contender]:
    figures, wanted = records[one.shipped.key]["figures"], recipe.deploy.runtimes
    files, folder = figures["exported"]["files"], cache.folder(one.shipped.key)
    found = [
        Contender(one.variant.name, flavour, runtime, folder / files[flavour])
        for flavour, runtime in figures["contenders"]
        if wanted == "auto" or runtime in wanted
    ]
    if not found:
        wrong = ", ".join(f"{told['runtime']} is {told['away']:.2g} beside" for told in figures["left_out"])
        raise RunError(
            f"{one.variant.name}: none of the runtimes {list(wanted)} of deploy.runtimes opens its file and answers as "
            f"ONNX Runtime does on this machine ({wrong or 'none opens it'}). Add onnxruntime to deploy.runtimes, or "
            "leave the setting out."
        )
    return found


def time_all(contending: list[Contender], recipe: Recipe, kept: Path, watch: Watch) -> dict[str, dict[str, Any]]:
    """Time all contenders interleaved; the same files with the same settings are timed once on a machine."""
    settings = recipe.deploy.model_dump(mode="json")
    machine = environment(recipe.deploy.threads).model_dump(mode="json", include={"cpu", "platform", "packages"})
    files = {one.name: file_hash(one.file) for one in contending}
    asked = {"settings": settings, "machine": machine, "files": files}
    try:
        known = json.loads(kept.read_text())
    except (OSError, ValueError):
        known = {}
    if known.get("asked") == asked:
        return known["timed"]
    readers = {
        one.name: clip_reader(one.file, one.runtime, frames=recipe.deploy.clip_frames, threads=recipe.deploy.threads)
        for one in contending
    }
    measured = measure_clips(readers, budget_s=BUDGET_S * len(readers), watch=watch)
    timed = {name: latency.record() for name, latency in measured.items()}
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_json(kept, {"asked": asked, "timed": timed})
    return timed


def _deploy(
    winner: Contender,
    mine: list[Contender],
    timed: Mapping[str, dict[str, Any]],
    figures: dict[str, Any],
    recipe: Recipe,
) -> Deploy:
    facts = file_facts(winner.file, ModelSpec.model_validate(figures["spec"]))
    latency = timed[winner.name]
    return Deploy(
        runtime=winner.runtime,
        file=winner.flavour,
        clip_frames=recipe.deploy.clip_frames,
        threads=recipe.deploy.threads,
        clip_ms=_clip_time(latency),
        cpu_s_per_clip=latency["cpu_s_per_clip"],
        cpu_s_interval=latency.get("cpu_s_interval"),  # timings kept by an earlier version have none
        energy_j_per_clip=modelled_energy(latency["cpu_s_per_clip"]),
        peak_memory_mb=peak_memory_mb(winner.file, winner.runtime, frames=recipe.deploy.clip_frames),
        timings=[_timing(contender, timed[contender.name], chosen=contender is winner) for contender in mine],
        left_out=[LeftOut(**told) for told in figures["left_out"]],
        engine=figures["engine"],
        **asdict(facts),
    )


def _of_peak(deploy: Deploy, peak_gflops: float) -> float | None:
    """Say what share of the core's best rate a clip reaches; a multiply-accumulate is two operations."""
    if not (deploy.macs_per_frame and deploy.clip_frames and deploy.cpu_s_per_clip):
        return None
    return 2e-9 * deploy.macs_per_frame * deploy.clip_frames / deploy.cpu_s_per_clip / peak_gflops


def modelled_energy(cpu_s: float) -> Energy:
    """Model the joules of CPU-seconds by a constant power per busy thread, with the factor it may be wrong by.

    A clip of a millisecond is far below the period of any energy counter, so a counter is not asked here.
    """
    power = cpu_power()
    low, high = power.band
    joules = cpu_s * power.watts
    return Energy(value=joules, interval=(joules * low, joules * high), provenance="modelled")


def _timing(contender: Contender, latency: dict[str, Any], *, chosen: bool) -> Timing:
    return Timing(
        file=contender.flavour,
        runtime=contender.runtime,
        clip_ms=_clip_time(latency),
        cpu_s_per_clip=latency["cpu_s_per_clip"],
        chosen=chosen,
        flags=list(latency["flags"]),
    )


def _clip_time(latency: dict[str, Any]) -> ClipTime:
    p50, p90, p99 = latency["p50"], latency["p90"], latency["p99"]
    return ClipTime(
        p50=p50 and p50["ms"],
        p50_interval=p50 and p50["interval"],
        p90=p90 and p90["ms"],
        p99=p99 and p99["ms"],
        quantiles=latency.get("quantiles") or None,  # timings kept by an earlier version have none
        n=latency["n"],
    )


def write_bundles(
    everything: list[Finished],
    records: Records,
    deployed: Mapping[str, Deploy],
    scores: Mapping[str, VariantScores],
    recipe: Recipe,
    prepared: Prepared,
    cache: Cache,
    folder: Path,
) -> dict[str, Path]:
    """Write one bundle for each variant; its scores are those of the same steps on held-out sites."""
    return {
        one.variant.name: write_bundle(
            folder / "bundles" / one.variant.name,
            exported=_exported(one, records, cache),
            spec=ModelSpec.model_validate(records[one.shipped.key]["figures"]["spec"]),
            preprocessing=Preprocessing(
                rate_hz=recipe.data.rate,
                pixels=recipe.data.pixels,
                detector=recipe.data.detector,
                faces=recipe.data.faces,
            ),
            chosen=_chosen(one, records, deployed[one.variant.name]),
            engines=_engines(one, records, cache),
            scores=_public(scores[one.variant.name]),
            provenance={
                "recipe_sha256": recipe_hash(recipe),
                "data_fingerprint": prepared.fingerprint,
                "folds": recipe.unit,
                "seed": one.shipped.seed,
                "steps": [{step.name: step.model_dump(mode="json")} for step in one.variant.steps],
            },
        )
        for one in everything
    }


def _public(scores: VariantScores) -> dict[str, Any]:
    """Leave single people out of what is deployed."""
    return scores.model_dump(mode="json", exclude={"sites": {"__all__": {"ccc_of_subjects", "moments_of_subjects"}}})


def _exported(one: Finished, records: Records, cache: Cache) -> Exported:
    told, folder = records[one.shipped.key]["figures"]["exported"], cache.folder(one.shipped.key)
    files = {flavour: folder / name for flavour, name in told["files"].items()}
    away = {flavour: Away(**apart) for flavour, apart in told["away_from_torch"].items()}
    streams = {flavour: folder / name for flavour, name in told["streams"].items()}
    return Exported(files, away, told["seconds"], streams)


def _chosen(one: Finished, records: Records, deploy: Deploy) -> Chosen:
    exported = records[one.shipped.key]["figures"]["exported"]
    assert deploy.file
    return Chosen(
        runtime=cast("CpuRuntime", deploy.runtime),
        file=exported["files"][deploy.file],
        stream=exported["streams"][deploy.file],
        clip_ms=deploy.clip_ms.p50 if deploy.clip_ms else None,
    )


def _engines(one: Finished, records: Records, cache: Cache) -> list[Engine]:
    told = records[one.shipped.key]["figures"]["engine"]
    if told is None or "file" not in told:
        return []
    profile = Profile(**{axis: tuple(sizes) for axis, sizes in told["profile"].items()})
    return [
        Engine(
            **told
            | {
                "file": cache.folder(one.shipped.key) / told["file"],
                "profile": profile,
                "capabilities": tuple(told["capabilities"]),
            }
        )
    ]
