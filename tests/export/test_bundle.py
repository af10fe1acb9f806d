"""A bundle is written whole or not at all, and is read back by the runtime as it was written."""

import json

import numpy as np
import pytest

from slimaffect.export.bundle import write_bundle
from slimaffect.export.tensorrt import Engine, Profile
from slimaffect.runtime import Predictor
from slimaffect.runtime.bundle import Chosen, Preprocessing

PREPARED = Preprocessing(rate_hz=12.5, pixels=24, detector="haar")


def written(folder, candidate, exported, flavour="fp32", **more):
    chosen = Chosen(runtime="onnxruntime", file=exported.files[flavour].name, clip_ms=0.5)
    return write_bundle(
        folder,
        exported=exported,
        spec=candidate.model.spec,
        preprocessing=PREPARED,
        chosen=chosen,
        provenance={"recipe": "ab12", "data": candidate.clips.fingerprint, "seed": candidate.seed},
        **more,
    )


def test_written_bundle_is_read_back(made, tmp_path):
    """The loaded bundle holds spec, preprocessing, choice, scores and provenance, and answers as the file did."""
    candidate, exported = made("plain", "int8")
    folder = written(tmp_path / "runs" / "bundle", candidate, exported, "u8s8", scores={"ccc": 0.5})
    predictor = Predictor.load(folder)
    assert set(predictor.manifest.files) == {
        f"{graph}.{flavour}.onnx" for graph in ("clip", "stream") for flavour in ("u8s8", "s8s8")
    }
    assert predictor.manifest.spec == candidate.model.spec.model_dump(mode="json")
    assert predictor.manifest.scores == {"ccc": 0.5}
    assert predictor.manifest.provenance["seed"] == 0
    assert predictor.manifest.provenance["versions"]["onnx"]
    assert predictor.manifest.files["clip.u8s8.onnx"].about["away_from_torch"]["rms"] > 0
    assert predictor.clip(np.zeros((3, 3, 24, 24), np.uint8)).shape == (3, 2)


def test_schema_and_missing_scores(made, tmp_path):
    """`bundle.json` names its schema, and a bundle that was not scored says null."""
    candidate, exported = made("plain", "fp32")
    told = json.loads((written(tmp_path / "bundle", candidate, exported) / "bundle.json").read_text())
    assert told["schema"] == "slimaffect.bundle/1"
    assert told["scores"] is None
    assert told["affect"] == ["valence", "arousal"]


def test_engine_is_bundled_as_built_not_run(made, tmp_path):
    """An engine is copied beside the models, with what it was built for and that it was not run."""
    candidate, exported = made("plain", "fp32")
    plan = tmp_path / "clip.fp32.engine"
    plan.write_bytes(b"plan")
    engine = Engine(plan, "0" * 64, "1" * 64, "tensorrt_rtx", "1.7", ("8.9",), Profile(), {"convolution float": 2}, 0.5)
    predictor = Predictor.load(written(tmp_path / "bundle", candidate, exported, engines=[engine]))
    about = predictor.manifest.files["clip.fp32.engine"].about
    assert about["state"] == "built, not run"
    assert about["capabilities"] == ["8.9"]


def test_old_bundle_is_replaced_whole(made, tmp_path):
    """Written a second time, nothing of the first bundle is left, nor any unfinished folder."""
    candidate, exported = made("plain", "fp32")
    folder = written(tmp_path / "bundle", candidate, exported)
    (folder / "leftover").touch()
    written(folder, candidate, exported)
    assert sorted(file.name for file in folder.iterdir()) == [
        "bundle.json",
        "bundle.sha256",
        "clip.fp32.onnx",
        "stream.fp32.onnx",
    ]
    assert list(tmp_path.iterdir()) == [folder]


def test_failure_leaves_the_old_bundle(made, tmp_path):
    """When a file to copy is gone, the bundle that stood there stays, and no unfinished folder is left."""
    candidate, exported = made("plain", "fp32")
    folder = written(tmp_path / "bundle", candidate, exported)
    lost = Engine(tmp_path / "gone", "0" * 64, "1" * 64, "tensorrt_rtx", "1.7", (), Profile(), {}, 0.5)
    with pytest.raises(FileNotFoundError):
        written(folder, candidate, exported, engines=[lost])
    Predictor.load(folder)
    assert list(tmp_path.iterdir()) == [folder]
