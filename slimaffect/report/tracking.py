"""Results in the trackers that labs have: every variant is a run in MLflow, or a run under TensorBoard."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from slimaffect.errors import ResultError
from slimaffect.report.table import Flat, flat
from slimaffect.result import Result, Variant


def to_mlflow(results: Sequence[tuple[Path, Result]], where: str) -> int:
    """Log every variant as a finished run of an experiment named after its recipe; answer how many.

    `where` is the address of a tracking server or database, or a folder, which then gets a database of its own.
    Figures become metrics, settings parameters, and the result its artifact. Runs are added, never replaced.

    Raises:
        ResultError: MLflow is not installed, or refuses.
    """
    try:
        from mlflow.exceptions import MlflowException  # pyright: ignore[reportMissingImports]
        from mlflow.tracking import MlflowClient  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise _absent("mlflow") from error
    address, artifacts = _place(where)
    try:
        client = MlflowClient(tracking_uri=address)
        return sum(_log(client, path, result, artifacts) for path, result in results)
    except MlflowException as error:
        told = f"MLflow at {where} refuses ({error}). Give --out a folder, or your server's address."
        raise ResultError(told) from error


def _place(where: str) -> tuple[str, str | None]:
    """Turn a folder into a database and a place for artifacts; MLflow 3 writes no plain folders."""
    if "://" in where or where.startswith("databricks"):
        return where, None
    folder = Path(where).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri()


def _log(client: Any, path: Path, result: Result, artifacts: str | None) -> int:
    name = f"slimaffect/{result.recipe.name}"
    known = client.get_experiment_by_name(name)
    experiment = known.experiment_id if known else client.create_experiment(name, artifact_location=artifacts)
    for variant, told in _lines(result):
        run = client.create_run(experiment, run_name=variant.name, tags=_tags(result, told)).info.run_id
        for key, value in _figures(told).items():
            client.log_metric(run, key, value)
        for key, value in settings_of(variant).items():
            client.log_param(run, key, value)
        client.log_artifact(run, str(path))
        client.set_terminated(run)
    return len(result.variants)


def to_tensorboard(results: Sequence[tuple[Path, Result]], folder: Path) -> int:
    """Write every variant as a run of its own, with its settings as hyperparameters; answer how many.

    Raises:
        ResultError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise _absent("tensorboard") from error
    count = 0
    for _, result in results:
        for variant, told in _lines(result):
            with SummaryWriter(str(folder / _safe(result.recipe.name) / _safe(variant.name))) as writer:
                figures = _figures(told)
                for key, value in figures.items():
                    writer.add_scalar(f"figures/{key}", value)
                settings: dict[str, Any] = {key: _plain(value) for key, value in settings_of(variant).items()}
                writer.add_hparams(settings, {f"hparam/{key}": value for key, value in figures.items()}, run_name=".")
                writer.add_text("where", json.dumps(_tags(result, told), indent=1))
            count += 1
    return count


def settings_of(variant: Variant) -> dict[str, Any]:
    """Flatten the steps of a variant: `1.distill.student` -> tiny. Steps count from 0, in the order they run."""
    return {
        f"{number}.{path}": value
        for number, step in enumerate(variant.steps)
        for path, value in _leaves(step)
    }  # fmt: skip


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _lines(result: Result) -> Iterator[tuple[Variant, Flat]]:
    by_name = {one.name: one for one in result.variants}
    return ((by_name[told["variant"]], told) for told in flat(result))


def _figures(told: Flat) -> dict[str, float]:
    """Keep what was measured: a missing figure is no metric, and never a zero."""
    numbers = {key: value for key, value in told.items() if isinstance(value, int | float) and value is not True}
    return {key: float(value) for key, value in numbers.items() if value is not False and key != "number"}


def _tags(result: Result, told: Flat) -> dict[str, str]:
    place, data = result.environment, result.data
    found = {
        "standing": told["standing"], "runtime": told["runtime"], "precision": told["precision"],
        "energy_provenance": told["energy_provenance"], "worst_site": told["worst_site"],
        "date": place.date, "cpu": place.cpu, "gpu": place.gpu, "commit": place.commit,
        "data": data.name if data else None, "data_fingerprint": data.fingerprint if data else None,
    }  # fmt: skip
    return {f"slimaffect.{key}": str(value) for key, value in found.items() if value is not None}


def _plain(value: Any) -> bool | str | float | int:
    return value if isinstance(value, bool | str | float | int) else json.dumps(value)


def _safe(name: str) -> str:
    """Make a folder's name of any name: it may come from a file that somebody sent."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name) or "_"


def _absent(name: str) -> ResultError:
    return ResultError(f"{name} is not installed: nothing was exported. Add it with `pip install slimaffect[{name}]`.")
