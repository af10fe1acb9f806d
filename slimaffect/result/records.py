"""What a result is made of.

What was not measured is None here and null in the file, never 0. Unknown fields are kept when an older
version reads a newer file of the same schema.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

SCHEMA = "slimaffect.result/1"
MINOR = 1
"""1 added `schema_minor`, and to a variant what people can be resampled from, training curves, time quantiles, the
verdict for all variants looked at, bias and gain, the bill and the break-even."""
Provenance = Literal["measured", "sampled", "modelled"]
"""Where a joule comes from: a hardware counter, integrated power readings, or a model without any sensor."""


def number(value: Any) -> Any:
    """Turn NaN and infinity into None: they are no measurements."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(number)]
"""A measured value, or None."""
Interval = Annotated[
    tuple[float, float] | None,
    BeforeValidator(lambda ends: None if ends is None or any(number(end) is None for end in ends) else ends),
]
"""Lower and upper end at 95 %, or None."""


class Record(BaseModel):
    """A frozen part of a result."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, use_attribute_docstrings=True)


class SiteScore(Record):
    """The scores on one held-out site (or group of subjects, see `Result.folds`), all its frames pooled."""

    ccc: Number
    """Lin's concordance, mean of valence and arousal."""
    ccc_valence: Number = None
    ccc_arousal: Number = None
    pcc: Number = None
    rmse: Number = None
    sagr: Number = None
    """Share of frames whose sign is right."""
    subjects: int | None = None
    frames: int | None = None
    bias_valence: Number = None
    """Mean prediction minus mean label."""
    bias_arousal: Number = None
    gain_valence: Number = None
    """How far predictions move when labels move by one; 1 is calibrated, below it they are shrunk."""
    gain_arousal: Number = None
    ccc_of_subjects: dict[str, Number] | None = None
    """CCC of each subject alone, by the dataset's own subject names; None when they are hidden."""
    moments_of_subjects: dict[str, list[list[list[Number]]]] | None = None
    """What people can be resampled from: subject -> seed -> valence and arousal -> frames, mean of the predictions,
    mean of the labels, variance of each, covariance (all over n). None when single subjects are hidden."""


class SiteDelta(Record):
    """A variant against the baseline at one site alone."""

    delta: Number
    interval: Interval = None


class VersusBaseline(Record):
    """A variant against the baseline on the same subjects."""

    delta: Number
    interval: Interval = None
    margin: Number = None
    """The largest loss that the recipe tolerates."""
    non_inferior: bool | None = None
    power: Number = None
    """Probability that a variant truly equal to the baseline would pass with these subjects."""
    looked_at: int | None = None
    """How many variants were compared with this baseline."""
    lower_of_all: Number = None
    """Lower end that holds for all of them at once (max-T over the same subjects)."""
    non_inferior_of_all: bool | None = None
    """That end lies above -margin: the verdict to choose one of several variants by."""
    of_seeds: list[Number] = []
    """Delta of each seed over all subjects: what chance in training moves."""
    of_sites: dict[str, SiteDelta] | None = None
    worst_site: str | None = None
    worst_tenth: Number = None
    """Mean change of the tenth of subjects who lose most (CCC of each subject alone)."""
    best_tenth: Number = None
    """The same of those who gain most: where it is as large, both are chance."""


class VariantScores(Record):
    """The plain mean over sites of scores pooled within each site."""

    ccc: Number
    ccc_interval: Interval = None
    ccc_valence: Number = None
    ccc_arousal: Number = None
    pcc: Number = None
    rmse: Number = None
    sagr: Number = None
    sites: dict[str, SiteScore] = {}
    worst_site: str | None = None
    versus_baseline: VersusBaseline | None = None
    seeds: int | None = None
    undefined: int | None = None
    """Sites x dimensions whose labels stand still; they are in no mean."""
    clipped: bool | None = None
    """Whether predictions were moved into [-1, 1] before scoring."""
    beyond_range: Number = None
    """Share of predictions outside [-1, 1]."""


class ClipTime(Record):
    """Wall-clock milliseconds for one clip of a closed loop, batch 1."""

    p50: Number
    p90: Number = None
    n: int | None = None
    p50_interval: Interval = None
    """95 % interval of the median, by order statistics."""
    p99: Number = None
    quantiles: list[Number] | None = None
    """The times below which 1, 5, 10, 25, 50, 75, 90, 95 and 99 % of the clips stayed; an end is None where too few
    clips were timed to know it."""


class Energy(Record):
    """Joules, and where they come from."""

    value: Number
    interval: Interval = None
    provenance: Provenance | None = None


class Timing(Record):
    """One file under one runtime: a line of the table from which the deployed pair was chosen."""

    file: str
    runtime: str
    clip_ms: ClipTime
    cpu_s_per_clip: Number = None
    chosen: bool = False
    flags: list[str] = []


class LeftOut(Record):
    """A runtime that was not timed, because it answers otherwise than ONNX Runtime does on the same clips."""

    file: str
    runtime: str
    away: float
    """Largest difference of affect."""
    allowed: float


class Deploy(Record):
    """The deployed file: how fast, how large, how costly."""

    runtime: str | None = None
    file: str | None = None
    clip_frames: int | None = None
    """Frames per clip in every figure here."""
    threads: int | None = None
    clip_ms: ClipTime | None = None
    cpu_s_per_clip: Number = None
    cpu_s_interval: Interval = None
    """95 % interval of `cpu_s_per_clip`, by order statistics."""
    energy_j_per_clip: Energy | None = None
    size_mb: Number = None
    peak_memory_mb: Number = None
    parameters: int | None = None
    macs_per_frame: int | None = None
    of_peak: Number = None
    """Share of the core's best float32 rate, measured beside it; int8 may pass 1."""
    timings: list[Timing] = []
    left_out: list[LeftOut] = []
    engine: dict[str, Any] | None = None
    """What is known of a built TensorRT engine."""


class Cost(Record):
    """What it took to make the variant, failed and pruned attempts included."""

    cpu_s: Number = None
    joules: Number = None
    provenance: Provenance | None = None
    gpu_seconds: Number = None
    """Seconds that GPUs were held, used or not."""
    examples: int | None = None
    """Frames that passed through a model in training."""
    trainings: int | None = None


class ParetoPlace(Record):
    """Whether no other variant is both better and cheaper; None where there is nothing to compare."""

    latency: bool | None = None
    energy: bool | None = None


class Repaid(Record):
    """After how many clips the shrinking has repaid what it cost beyond the baseline."""

    unit: Literal["joules", "cpu_s"]
    """What was compared: measured joules of one kind, or else CPU-seconds, in which a model's constant cancels."""
    clips: Number = None
    """None: never, at the figures as measured."""
    interval: tuple[Number, Number] | None = None
    """Its ends; None for an upper end that never comes."""


class Carbon(Record):
    """Grams of CO2 equivalent; null unless the user said where the electricity comes from."""

    co2e_g: Number = None
    g_per_kwh: Number = None
    year: int | None = None
    source: str | None = None
    pue: Number = None


class Bill(Record):
    """What all tasks behind a result cost, each once, failed and pruned attempts included."""

    tasks: int
    seconds: Number = None
    cpu_s: Number = None
    joules: Number = None
    provenance: Provenance | None = None
    gpu_hours: Number = None
    """Hours that GPUs were held, used or not."""
    examples: int | None = None
    trainings: int | None = None
    unfinished_cpu_s: Number = None
    """The part that attempts cost which came to nothing."""
    spent_now_cpu_s: Number = None
    """The part that this run spent itself; the cache answered for the rest."""
    carbon: Carbon = Carbon()


class Variant(Record):
    """One choice of a recipe's swept values: what it scores, how it deploys, what it cost."""

    name: str
    steps: list[dict[str, Any]] = []
    precision: str | None = None
    bundle: str | None = None
    """Folder of the bundle, relative to the result."""
    scores: VariantScores | None = None
    deploy: Deploy | None = None
    cost: Cost | None = None
    repaid: Repaid | None = None
    """When the shrinking has repaid its cost; None for the baseline, and where either cost is unknown."""
    pareto: ParetoPlace | None = None
    flags: list[str] = []
    figures: dict[str, Any] = {}
    """What its steps found while they made the model that ships, by their words: what a subset kept, int8 cost."""


class LedgerEntry(Record):
    """What one task cost."""

    variant: str | None = None
    task: str | None = None
    fold: str | None = None
    seed: int | None = None
    seconds: Number = None
    cpu_s: Number = None
    joules: Number = None
    provenance: Provenance | None = None
    gpu_seconds: Number = None
    examples: int | None = None
    trainings: int | None = None
    reused: bool | None = None
    """True where the cache answered: nothing was spent."""
    curve: dict[str, dict[str, list[Number]]] | None = None
    """How a training went: stage -> figure (`loss`, ...) -> its value after each epoch, which `epoch` counts."""
    step: str | None = None
    """What was done: the name of a step, or `deploy`."""
    variants: list[str] = []
    """The variants that share the task."""
    key: str | None = None
    """The task's name in the cache."""
    frames: int | None = None
    """Distinct labelled frames under the clips that the task was given."""
    found: dict[str, Any] | None = None
    """What the step found and tells, by its name: of `tune` the search."""
    attempts: list[dict[str, Any]] = []
    """What each try at the task cost, the oldest first."""


class ProblemRecord(Record):
    """Something that was left out or went wrong, and what to do about it."""

    where: str
    what: str
    next: str | None = None


class RecipeRecord(Record):
    """The recipe as it ran."""

    name: str
    about: str | None = None
    yaml: str | None = None
    """The resolved recipe: every setting, defaults and overrides included."""


class Environment(Record):
    """Where and with what the run was made."""

    date: str | None = None
    platform: str | None = None
    cpu: str | None = None
    cores: int | None = None
    threads: int | None = None
    gpu: str | None = None
    python: str | None = None
    packages: dict[str, str] = {}
    commit: str | None = None


class DataRecord(Record):
    """What was trained and tested on."""

    name: str | None = None
    synthetic: bool | None = None
    """True where the faces are drawn by a program: the scores then say nothing about people."""
    sites: int | None = None
    subjects: int | None = None
    recordings: int | None = None
    clips: int | None = None
    hours: Number = None
    coverage: dict[str, Number] | None = None
    """Share of each site's frames in which a face was found."""
    fingerprint: str | None = None


class Result(Record):
    """One run of one recipe."""

    schema_: Literal["slimaffect.result/1"] = Field(SCHEMA, alias="schema")
    """Name and major version of this format: another major version means that names changed their meaning."""
    schema_minor: int = MINOR
    """Minor version: it grows when fields are added. What reads one minor version reads every other."""
    recipe: RecipeRecord
    folds: Literal["site", "group"] = "site"
    """What each fold held out; with `group` (of whole subjects), `sites` in the scores holds groups."""
    environment: Environment = Environment()
    data: DataRecord | None = None
    baseline: str
    """Name of the variant that the others are compared with."""
    variants: list[Variant]
    ledger: list[LedgerEntry] = []
    bill: Bill | None = None
    """Sums of the ledger."""
    problems: list[ProblemRecord] = []
