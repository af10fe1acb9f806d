"""A small recipe that goes all the way, and one finished run of it that the tests share."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

# One runtime: which of two is faster is chance, and without VNNI their int8 answers are up to 0.1 apart.
RECIPE = """\
about: The whole way on the smallest data.
data:
  source: synthetic
  pixels: 32
  clip: {frames: 16, stride: 8}
  synthetic: {subjects: 8, seconds: 8, sites: [S1, S3]}
model: tiny
steps:
  - train: {epochs: 3, frames: {steps: 16, batch: 64}, sequences: {steps: 30}, end_to_end: {steps: 6}}
  - distill: {student: micro, epochs: 3, frames: {steps: 16, batch: 64}, sequences: {steps: 30}}
  - quantise: {to: {sweep: [fp32, int8]}, calibration_clips: 8}
evaluate: {replicates: 500}
deploy: {runtimes: [onnxruntime]}
"""


class Slim:
    """The command as a person runs it: in a process of its own, in a folder, with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recipe = folder / "smallest.yaml"
        self.recipe.write_text(RECIPE)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"XDG_CACHE_HOME": str(self.folder / "cache"), "COLUMNS": "160"}

    def start(self, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "slimaffect.cli", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, text=True, **pipes)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=580)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    @property
    def result_folder(self) -> Path:
        (folder,) = (self.folder / "results").glob("smallest-*")
        return folder

    @property
    def result(self) -> dict:
        return json.loads((self.result_folder / "result.json").read_text())


@pytest.fixture
def slim(tmp_path) -> Slim:
    """A fresh folder and cache."""
    return Slim(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Slim:
    """A folder in which the small recipe ran to its end: run once, and copied for each process of the tests.

    Two runs are started at once, as two people might: they must share the work and end with one result.
    """
    mine = tmp_path_factory.mktemp("finished")
    shared = mine.parent.parent if "PYTEST_XDIST_WORKER" in os.environ else mine.parent
    with FileLock(shared / "finished.lock"):
        if not (shared / "ran" / "results").exists():
            (shared / "ran").mkdir(exist_ok=True)
            slim = Slim(shared / "ran")
            runs = [slim.start("run", "smallest.yaml", "--workers", "1") for _ in range(2)]
            told = [run.communicate(timeout=580) for run in runs]
            assert [run.returncode for run in runs] == [0, 0], told
            # Each wrote result and page as it measured: the page may be of one and the result of the other.
            assert slim("report", str(slim.result_folder), "--to", str(slim.result_folder)).returncode == 0
    shutil.copytree(shared / "ran", mine, dirs_exist_ok=True)
    return Slim(mine)
