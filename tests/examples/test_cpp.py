"""The C++ example compiles with what OpenVINO's wheel brings, and answers as the Python stream does."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from openvino import utils

from slimaffect.runtime import Predictor

HERE = Path(__file__).parents[2] / "examples" / "cpp"
WHEEL = Path(utils.__file__).parents[1]

pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++"),
    pytest.mark.skipif(not (WHEEL / "include" / "openvino").is_dir(), reason="needs OpenVINO's headers"),
    pytest.mark.skipif(sys.platform != "linux", reason="written for Linux"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The compiled example."""
    target, libraries = tmp_path_factory.mktemp("cpp") / "affect_stream", WHEEL / "libs"
    (library,) = libraries.glob("libopenvino.so.*")
    subprocess.run(
        ["g++", "-std=c++17", "-O0", "-Wall", "-Werror", HERE / "affect_stream.cpp", "-I", WHEEL / "include",
         "-o", target, library, f"-Wl,-rpath,{libraries}"],
        check=True,
    )  # fmt: skip
    return target


def test_the_program_streams_as_python_does(program, shipped, frames):
    """Fifty frames through standard input: every answer within 1e-5."""
    stream = Predictor.load(shipped, runtime="openvino").stream()
    truth = [stream.step(frame) for frame in frames]
    told = subprocess.run(
        [program, shipped / "stream.fp32.onnx"], input=frames.tobytes(), capture_output=True, check=True
    )
    np.testing.assert_allclose(np.loadtxt(told.stdout.decode().splitlines()), truth, atol=1e-5)


def test_a_missing_file_is_told(program, tmp_path):
    """No such file: a sentence and exit code 1, no crash."""
    told = subprocess.run([program, tmp_path / "gone.onnx"], input=b"", capture_output=True, check=False)
    assert told.returncode == 1
    assert b"affect_stream:" in told.stderr
