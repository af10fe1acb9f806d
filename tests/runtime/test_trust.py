"""Two hundred ways to spoil a bundle, and none that is opened: each is refused in a sentence."""

import json
import os
import random
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from slimaffect.errors import BundleError
from slimaffect.runtime import Predictor, predictor
from slimaffect.runtime.bundle import seal

FILES = ("bundle.json", "bundle.sha256", "clip.fp32.onnx", "stream.fp32.onnx")
FLIPS = 30  # of each file
GIB = 1 << 30


def flipped(folder, name, chance):
    """One bit, anywhere."""
    content = bytearray((folder / name).read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    (folder / name).write_bytes(content)


def cut(folder, name, chance):
    """Broken off, anywhere."""
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: chance.randrange(len(content))])


def longer(folder, name, chance):
    """With something behind it."""
    with (folder / name).open("ab") as file:
        file.write(chance.randbytes(chance.randrange(1, 100)))


def swapped(folder, name, chance):
    """Another file of the bundle under this name."""
    other = chance.choice([file for file in FILES if file != name])
    (folder / name).write_bytes((folder / other).read_bytes())


def linked(folder, name, _):
    """A link to the same content outside."""
    outside = folder.parent / f"outside {name}"
    (folder / name).rename(outside)
    if name.endswith(".onnx"):
        (folder / name).symlink_to(outside)


def circle(folder, name, _):
    """A link to itself."""
    (folder / name).unlink()
    (folder / name).symlink_to(folder / name)


def a_folder(folder, name, _):
    """A folder in the place of a file."""
    (folder / name).unlink()
    (folder / name).mkdir()


def a_pipe(folder, name, _):
    """A pipe, from which reading would wait for ever."""
    (folder / name).unlink()
    os.mkfifo(folder / name)


def huge(folder, name, _):
    """A terabyte of nothing."""
    with (folder / name).open("ab") as file:
        file.truncate(1 << 40)


DAMAGE = [
    *((flipped, name, number) for name in FILES for number in range(FLIPS)),
    *(
        (spoil, name, number)
        for spoil, times in ((cut, 4), (longer, 3), (swapped, 4), (linked, 1), (circle, 1), (a_folder, 1), (a_pipe, 1))
        for name in FILES
        for number in range(times)
    ),
    *((huge, name, 0) for name in ("clip.fp32.onnx", "stream.fp32.onnx", "bundle.json")),
]


def forged(change):
    """A bundle.json that says otherwise, sealed again as whoever forges it would."""

    def spoil(folder):
        file = folder / "bundle.json"
        told = json.loads(file.read_text())
        change(told, folder)
        content = json.dumps(told).encode()
        file.write_bytes(content)
        (folder / "bundle.sha256").write_text(seal(content))

    return spoil


def named(name):
    """Let the chosen file have another name."""

    def change(told, _):
        told["files"][name] = told["files"].pop("clip.fp32.onnx")
        told["chosen"]["file"] = name

    return change


def said(*path, value):
    """Let one entry say something else."""

    def change(told, _):
        *above, last = path
        for key in above:
            told = told[key]
        told[last] = value

    return change


def graph(*, pixels=16, layers=1, hidden=8, constant=None):
    """Put another graph in the place of the clip graph, with its right size and hash."""

    def change(told, folder):
        import hashlib

        frames = helper.make_tensor_value_info("frames", TensorProto.UINT8, ["b", "t", 3, pixels, pixels])
        state = helper.make_tensor_value_info("h", TensorProto.FLOAT, [layers, "b", hidden])
        affect = helper.make_tensor_value_info("affect", TensorProto.FLOAT, None)
        nodes = [helper.make_node("Add", ["h", "constant"], ["affect"])]
        constant_ = constant or onnx.numpy_helper.from_array(np.ones(1, np.float32))
        constant_.name = "constant"
        made = helper.make_graph(nodes, "g", [frames, state], [affect], [constant_])
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        content = model.SerializeToString()
        (folder / "clip.fp32.onnx").write_bytes(content)
        told["files"]["clip.fp32.onnx"] |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    return change


def elsewhere(location):
    """A constant whose numbers lie in another file."""
    constant = TensorProto(data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    constant.external_data.add(key="location", value=location)
    return constant


def an_engine(told, folder):
    """An engine that is no engine, in the place of a model, with its right size and hash."""
    import hashlib

    (folder / "clip.engine").write_bytes(b"ptrt" * 100)
    told["files"]["clip.engine"] = {"bytes": 400, "sha256": hashlib.sha256(b"ptrt" * 100).hexdigest()}
    told["chosen"]["file"] = "clip.engine"


NAMES = ("../clip.fp32.onnx", "/etc/passwd", "..", ".", "", "a/../../b", "sub/clip.onnx", "clip\0.onnx", "x" * 300)
VALUES = (0, -1, 1 << 40, 10**300, "many", None, [], {}, 1.5, True)
FORGERIES = [
    *(named(name) for name in NAMES),
    *(said("preprocessing", "pixels", value=value) for value in VALUES),
    *(said("files", "clip.fp32.onnx", "bytes", value=value) for value in VALUES),
    *(said("files", "clip.fp32.onnx", "sha256", value=value) for value in ("", "0" * 64, "z" * 64, None, 1)),
    *(said("chosen", "runtime", value=value) for value in ("tensorrt", "", None, "os.system")),
    *(said("chosen", "file", value=value) for value in ("bundle.json", "gone.onnx", None)),
    *(said("schema", value=value) for value in ("slimaffect.bundle/2", None, 1)),
    said("files", value={}),
    said("files", value={f"{n}": {"bytes": 1, "sha256": "0" * 64} for n in range(1000)}),
    said("preprocessing", "rate_hz", value=1e300),
    said("unknown", value=1),
    graph(pixels=1 << 30),
    graph(hidden=1 << 40),
    graph(layers=1 << 20, hidden=1 << 20),
    graph(constant=TensorProto(data_type=TensorProto.FLOAT, dims=[1 << 38])),
    graph(constant=elsewhere("../../../../../etc/passwd")),
    graph(constant=elsewhere("/etc/passwd")),
    an_engine,
]


def test_there_are_two_hundred():
    """As many as were promised."""
    assert len(DAMAGE) + len(FORGERIES) >= 200


@pytest.fixture
def fresh(shipped, tmp_path):
    """Make one copy of the bundle after another."""
    import shutil

    def make(number):
        return shutil.copytree(shipped, tmp_path / f"{number}" / "bundle")

    return make


def test_damage_is_refused_before_anything_is_opened(fresh, monkeypatch):
    """Flipped bits, cut, lengthened and swapped files, links, pipes and terabytes: refused, and no runtime sees them."""
    monkeypatch.setattr(predictor, "open_model", lambda *_, **__: pytest.fail("a damaged bundle was opened"))
    for count, (spoil, name, number) in enumerate(DAMAGE):
        folder = fresh(count)
        spoil(folder, name, random.Random(number))
        with pytest.raises(BundleError, match=r"\w+ .*\."):
            Predictor.load(folder)


PROGRAM = """
import sys
from slimaffect.errors import BundleError
from slimaffect.meter import peak_mb
from slimaffect.runtime import Predictor
Predictor.load(sys.argv[1], runtime="openvino"), Predictor.load(sys.argv[1])
for folder in sys.argv[2:]:
    for runtime in ("auto", "openvino"):
        try:
            Predictor.load(folder, runtime=runtime)
        except BundleError as refusal:
            assert str(refusal).strip(), folder
        else:
            sys.exit(f"{folder} was opened in {runtime}")
print(int(peak_mb() * 1e6))  # of this program: ru_maxrss would begin at that of the tests it was started from
"""


def test_forgeries_are_refused_in_little_memory(shipped, fresh):
    """Sealed again by its forger, a bundle that points outside, asks for too much, or is no model is refused.

    A process that was shown all of them never held 1 GiB.
    """
    folders = [fresh(number) for number in range(len(FORGERIES))]
    for folder, change in zip(folders, FORGERIES, strict=True):
        forged(change)(folder)
    program = [sys.executable, "-c", PROGRAM, str(shipped), *map(str, folders)]
    told = subprocess.run(program, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) < GIB
