"""A bundle is verified before anything parses it, and then reads clips, recordings and streams."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from slimaffect.errors import BundleError
from slimaffect.runtime.bundle import load_bundle


@pytest.fixture
def bundle(shipped, tmp_path):
    """A copy of the bundle that may be spoilt."""
    return shutil.copytree(shipped, tmp_path / "bundle")


def rewrite(folder, change):
    file = folder / "bundle.json"
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))


def test_stream_equals_recording(shipped, frames):
    """Frame by frame, as a recording, and as a clip, a bundle answers alike to 1e-5; reset begins anew."""
    bundle = load_bundle(shipped)
    stream = bundle.stream()
    steps = np.stack([stream.step(frame) for frame in frames])
    np.testing.assert_allclose(steps, bundle.recording(frames), atol=1e-5)
    np.testing.assert_allclose(steps, bundle.clip(frames[None])[0][0], atol=1e-5)
    stream.reset()
    np.testing.assert_allclose(stream.step(frames[0]), steps[0], atol=1e-6)


def test_other_runtime_when_asked(shipped, frames):
    """The declared runtime opens the bundle; another one when it is named."""
    assert load_bundle(shipped).session.runtime == "onnxruntime"
    other = load_bundle(shipped, runtime="openvino")
    assert other.session.runtime == "openvino"
    np.testing.assert_allclose(other.recording(frames), load_bundle(shipped).recording(frames), atol=1e-5)


def test_altered_byte_is_found(bundle):
    """One flipped byte is told by both hashes, before the runtime sees the file."""
    file = bundle / "clip.fp32.onnx"
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match=r"clip.fp32.onnx was altered: its sha256 is [0-9a-f]{12}, not [0-9a-f]{12}"):
        load_bundle(bundle)


def test_short_and_missing_files_are_found(bundle):
    """A truncated file is told by both sizes; a missing one by its name."""
    file = bundle / "clip.fp32.onnx"
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BundleError, match=f"has {size - 1} bytes; {size} were exported"):
        load_bundle(bundle)
    file.unlink()
    with pytest.raises(BundleError, match="is missing from the bundle"):
        load_bundle(bundle)


@pytest.mark.parametrize("name", ["../outside.onnx", "/etc/hostname", "link.onnx"])
def test_paths_outside_the_folder_are_refused(bundle, name):
    """A parent folder, an absolute path, and a link out of the folder are refused though their hash is right."""
    outside = bundle.parent / "outside.onnx"
    outside.write_bytes((bundle / "clip.fp32.onnx").read_bytes())
    (bundle / "link.onnx").symlink_to(outside)
    entry = {"bytes": outside.stat().st_size, "sha256": hashlib.sha256(outside.read_bytes()).hexdigest()}

    def point_outside(told):
        told["files"] = {name: entry}
        told["chosen"]["file"] = name

    rewrite(bundle, point_outside)
    with pytest.raises(BundleError, match="points outside its folder"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told.update(schema="slimaffect.bundle/9"), "schema: .*slimaffect.bundle/1"),
        (lambda told: told.pop("spec"), "spec: Field required"),
        (lambda told: told.update(colour="red"), "colour: Extra inputs"),
        (lambda told: told["chosen"].update(file="other.onnx"), "'other.onnx' is none of its files"),
        (lambda told: told["preprocessing"].update(pixels=48), "faces of 48 pixels, its model reads 16"),
    ],
)
def test_manifest_faults_are_named(bundle, change, words):
    """Another schema, a missing or unknown entry, and contradictions are refused by name."""
    rewrite(bundle, change)
    with pytest.raises(BundleError, match=words):
        load_bundle(bundle)


def test_no_bundle_and_no_json(bundle):
    """A folder without `bundle.json` is no bundle; a `bundle.json` that is no JSON is refused."""
    with pytest.raises(BundleError, match=r"is no bundle: it has no bundle.json"):
        load_bundle(bundle.parent)
    (bundle / "bundle.json").write_text("{")
    with pytest.raises(BundleError, match="Invalid JSON"):
        load_bundle(bundle)
