"""A bundle is verified before anything parses it."""

import hashlib
import json
import shutil

import pytest

from slimaffect.errors import BundleError
from slimaffect.runtime import Predictor
from slimaffect.runtime.bundle import seal


@pytest.fixture
def bundle(shipped, tmp_path):
    """A copy of the bundle that may be spoilt."""
    return shutil.copytree(shipped, tmp_path / "bundle")


def rewrite(folder, change):
    file = folder / "bundle.json"
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))
    (folder / "bundle.sha256").write_text(seal(file.read_bytes()))


def test_altered_byte_is_found(bundle):
    """One flipped byte is told by both hashes, before the runtime sees the file."""
    file = bundle / "clip.fp32.onnx"
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match=r"clip.fp32.onnx was altered: its sha256 is [0-9a-f]{12}, not [0-9a-f]{12}"):
        Predictor.load(bundle)


def test_short_and_missing_files_are_found(bundle):
    """A truncated file is told by both sizes; a missing one by its name."""
    file = bundle / "clip.fp32.onnx"
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BundleError, match=f"has {size - 1} bytes; {size} were exported"):
        Predictor.load(bundle)
    file.unlink()
    with pytest.raises(BundleError, match="is missing from the bundle"):
        Predictor.load(bundle)


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
        Predictor.load(bundle)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told.update(schema="slimaffect.bundle/9"), "schema: .*slimaffect.bundle/1"),
        (lambda told: told.pop("spec"), "spec: Field required"),
        (lambda told: told.update(colour="red"), "colour: Extra inputs"),
        (lambda told: told["chosen"].update(file="other.onnx"), "'other.onnx' is none of its files"),
        (lambda told: told["chosen"].update(stream="other.onnx"), "'other.onnx' is none of its files"),
        (lambda told: told["preprocessing"].update(pixels=1 << 40), "pixels: .*less than or equal to 4096"),
        (lambda told: told["preprocessing"].update(pixels=48), "faces of 48 pixels, its model reads 16"),
    ],
)
def test_manifest_faults_are_named(bundle, change, words):
    """Another schema, a missing or unknown entry, and contradictions are refused by name."""
    rewrite(bundle, change)
    with pytest.raises(BundleError, match=words):
        Predictor.load(bundle)


def test_no_bundle_and_no_json(bundle):
    """A folder without `bundle.json` is no bundle; a `bundle.json` that is no JSON is refused."""
    with pytest.raises(BundleError, match=r"is no bundle: it has no bundle.json"):
        Predictor.load(bundle.parent)
    (bundle / "bundle.json").write_text("{")
    (bundle / "bundle.sha256").write_text(seal(b"{"))
    with pytest.raises(BundleError, match="Invalid JSON"):
        Predictor.load(bundle)
