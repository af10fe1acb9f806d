"""The recipe: the checked settings of one run, and the steps in the order they run."""

import hashlib
import json
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from slimaffect.data.settings import DataSettings
from slimaffect.evaluate.groups import Folds
from slimaffect.execute import Execution
from slimaffect.execute.execution import PLACE
from slimaffect.model.shapes import SHAPES, shape
from slimaffect.model.spec import ModelSpec
from slimaffect.recipe.document import RESOLVERS
from slimaffect.recipe.pixels import disagreements
from slimaffect.recipe.variants import Variant, filled, understand_steps
from slimaffect.settings import Settings


def _rising(sizes: tuple[int, int, int]) -> tuple[int, int, int]:
    if list(sizes) != sorted(sizes):
        raise ValueError(f"{list(sizes)} does not rise; give the smallest, the usual and the largest size")
    return sizes


Sizes = Annotated[tuple[PositiveInt, PositiveInt, PositiveInt], AfterValidator(_rising)]
Capability = Literal["7.5", "8.0", "8.6", "8.9", "12.0", "12.1"]

if TYPE_CHECKING:
    ShapeName = str
else:
    ShapeName = Literal[tuple(SHAPES)]


class EvaluateSettings(Settings):
    """How variants are scored and compared with the baseline."""

    seeds: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)] = (0,)
    """Every variant is trained once per seed on every fold; three or more show how far chance alone moves a score."""
    margin: Annotated[float, Field(gt=0, le=1)] = 0.03
    """Loss of CCC that is still called as good as the baseline (non-inferiority)."""
    replicates: Annotated[int, Field(ge=200, le=1_000_000)] = 5000
    """Bootstrap draws behind the verdict of all variants at once."""

    @field_validator("seeds")
    @classmethod
    def _seeds_are_distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"`seeds` is {list(seeds)}; each seed may stand there once")
        return seeds


class DeploySettings(Settings):
    """What is exported, and how its cost is measured."""

    clip_frames: Annotated[int, Field(ge=1, le=10_000)] = 16
    """Frames of the clip that latency and energy are measured on."""
    runtimes: Literal["auto"] | Annotated[tuple[Literal["onnxruntime", "openvino"], ...], Field(min_length=1)] = "auto"
    """CPU runtimes to measure; `auto` takes those that are installed, and the bundle declares the fastest."""
    engine: Literal["rtx", "none"] = "rtx"
    """GPU engine to build: TensorRT-RTX, which needs no GPU to build, or none."""
    engine_batch: Sizes = (1, 1, 4)
    """Clips at once that the engine takes: smallest, the number it is tuned for, largest."""
    engine_time: Sizes = (1, 16, 64)
    """Frames of a clip that the engine takes: smallest, the number it is tuned for, largest."""
    engine_capabilities: Annotated[tuple[Capability, ...], Field(min_length=1)] = ("8.6", "8.9", "12.0")
    """Compute capabilities of the RTX GPUs that the engine is for: 8.6, 8.9 and 12.0 are RTX 30, 40 and 50."""
    threads: PositiveInt = 1
    """CPU threads of the deployed model."""


class Recipe(Settings):
    """One run, from data to result."""

    about: str = ""
    """One sentence on what the recipe shows."""
    data: DataSettings = DataSettings()
    """The dataset, and how its faces are prepared: `synthetic`, a folder, or a mapping."""
    model: ShapeName | ModelSpec = "reference"
    """The full model: a shape's name, or its spec written out."""
    steps: tuple[dict[str, Any], ...]
    """The steps in the order they run; `{sweep: [a, b]}` stands for a and for b."""
    folds: Folds = "site"
    """What each fold holds out: `site`, or `{subject_groups: 5}` for groups of whole subjects."""
    evaluate: EvaluateSettings = EvaluateSettings()
    """Seeds, margin and intervals."""
    deploy: DeploySettings = DeploySettings()
    """Export and measurement."""
    execution: Execution = Execution()
    """Where tasks run, and how many at once."""

    @field_validator("steps", mode="before")
    @classmethod
    def _steps_fit(cls, steps: Any) -> Any:
        """Refuse steps that `load_recipe` would refuse, and write their defaults out."""
        given = list(steps) if isinstance(steps, tuple) else steps
        _, complaints = understand_steps(given)
        if complaints:
            raise ValueError("; ".join(complaint.what.replace(" (line {line})", "") for complaint in complaints))
        return filled(given)

    @model_validator(mode="after")
    def _pixels_agree(self) -> "Recipe":
        """Refuse models that read other crops than `data` prepares."""
        model = self.model.model_dump() if isinstance(self.model, ModelSpec) else None
        for complaint in disagreements({"model": model, "steps": self.steps}, self.data.pixels):
            raise ValueError(complaint.what)
        return self

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        """The baseline, then one variant for each choice of swept values, in reading order."""
        return understand_steps(list(self.steps))[0]

    @property
    def unit(self) -> Literal["site", "group"]:
        """The word for what a fold holds out."""
        return "site" if self.folds == "site" else "group"

    @property
    def spec(self) -> ModelSpec:
        """The spec of the full model."""
        return full_spec(self.model, self.data.pixels)


def full_spec(model: str | ModelSpec, pixels: int) -> ModelSpec:
    """Say a model's spec; a named shape reads crops of the size that `data` prepares."""
    spec = shape(model) if isinstance(model, str) else model
    return spec.model_copy(update={"pixels": pixels})


class _Dumper(yaml.SafeDumper):
    """Quote all text that this package's reader, or a plain YAML 1.1 reader, would take for something else."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML's way to say it
        first: yaml.SafeDumper.yaml_implicit_resolvers.get(first, []) + RESOLVERS.get(first, [])
        for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *RESOLVERS}
    }

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal lists out each time: anchors are hard to read."""
        del data
        return True


def resolved_yaml(recipe: Recipe) -> str:
    """Print a recipe with its base, overrides and defaults written out; it loads back to an equal recipe."""
    plain = recipe.model_dump(mode="json")
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100)


def recipe_hash(recipe: Recipe) -> str:
    """sha256 of what can change the numbers: all but `about` and where the tasks run."""
    content = recipe.model_dump(mode="json", exclude={"about": True, "execution": set(PLACE)})
    if recipe.unit == "site":  # results from before there was another choice keep their names
        del content["folds"]
    if recipe.execution.ranks == 1:
        del content["execution"]["ranks"]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
