"""Results in MLflow and TensorBoard, where these are installed; settings and places without them."""

import builtins
from pathlib import Path

import pytest

from slimaffect.errors import ResultError
from slimaffect.report.tracking import settings_of, to_mlflow, to_tensorboard
from slimaffect.result import write_result


@pytest.fixture
def found(result, tmp_path):
    """A result on disk."""
    return [(write_result(result, tmp_path / "distill" / "result.json"), result)]


def test_settings_are_flat(result):
    """Each step's settings under its place in the recipe."""
    assert settings_of(result.variants[1]) == {
        "0.train.epochs": 12, "1.distill.student": "small", "1.distill.epochs": 12, "2.quantise.to": "fp32",
    }  # fmt: skip


@pytest.mark.parametrize(("export", "module"), [(to_mlflow, "mlflow"), (to_tensorboard, "torch.utils.tensorboard")])
def test_without_the_extra_it_says_how_to_add_it(export, module, found, tmp_path, monkeypatch):
    """One sentence with the command, not a traceback."""
    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *rest: _missing(name) if name.startswith(module) else real(name, *rest))  # fmt: skip
    where = tmp_path if export is to_tensorboard else str(tmp_path)
    with pytest.raises(ResultError, match=r"is not installed.*`pip install slimaffect\[\w+\]`"):
        export(found, where)


def _missing(name):
    raise ImportError(name)


def test_every_variant_is_a_run_in_tensorboard(found, tmp_path):
    """Figures under their own names; what was not measured is no figure."""
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert to_tensorboard(found, tmp_path / "tb") == 7
    events = reading.EventAccumulator(str(tmp_path / "tb" / "distill" / "tiny-fp32"))
    events.Reload()
    assert events.Scalars("figures/ccc")[0].value == pytest.approx(0.5)
    unscored = reading.EventAccumulator(str(tmp_path / "tb" / "distill" / "micro-int8"))
    unscored.Reload()
    assert "figures/ccc" not in unscored.Tags()["scalars"]


@pytest.mark.filterwarnings("ignore")
def test_every_variant_is_a_run_in_mlflow(found, tmp_path):
    """With its figures, settings, provenance and result, in a folder of its own."""
    tracking = pytest.importorskip("mlflow.tracking")
    assert to_mlflow(found, str(tmp_path / "ml")) == 7
    client = tracking.MlflowClient(f"sqlite:///{tmp_path / 'ml' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("slimaffect/distill").experiment_id
    run = next(one for one in client.search_runs([experiment]) if one.info.run_name == "tiny-fp32")
    assert run.data.metrics["ccc"] == 0.5
    assert run.data.params["1.distill.student"] == "tiny"
    assert run.data.tags["slimaffect.energy_provenance"] == "modelled"
    assert Path(run.info.artifact_uri.removeprefix("file://"), "result.json").exists()
