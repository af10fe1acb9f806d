"""The command line: what a person types, and what they read when it goes wrong."""

import importlib
import subprocess
import sys

import pytest

from slimaffect import __version__
from slimaffect.run.places import KEPT

ENDS = importlib.import_module("slimaffect.cli.main")  # `slimaffect.cli.main` itself is the function of that name


def slim(*arguments: str, cwd=None) -> subprocess.CompletedProcess:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "slimaffect.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=120)


def test_version():
    """`slim --version` names the version."""
    assert slim("--version").stdout.strip() == f"slimaffect {__version__}"


@pytest.mark.parametrize(
    "command",
    [(), ("run",), ("check",), ("report",), ("compare",), ("results",), ("bill",), ("bench",), ("data",), ("cache",)],
)
def test_help_teaches(command):
    """Every command explains itself, with its options."""
    told = slim(*command, "--help")
    assert told.returncode == 0
    assert "Usage" in told.stdout
    assert len(told.stdout.splitlines()) > 8


def test_help_is_light():
    """`slim --help` loads neither torch nor OpenCV nor pydantic: it answers at once."""
    program = (
        "import sys; from slimaffect.cli import app\n"
        "heavy = {'torch', 'cv2', 'onnx', 'openvino', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_broken_recipe_is_explained(tmp_path):
    """A broken recipe gives each fault with its line, exit code 2, and no traceback."""
    (tmp_path / "mine.yaml").write_text("steps:\n  - trian: {}\n  - quantise: {to: int4}\n")
    told = slim("run", "mine.yaml", cwd=tmp_path)
    assert told.returncode == 2
    assert "mine.yaml:2" in told.stderr
    assert "Did you mean `train`?" in told.stderr
    assert "mine.yaml:3" in told.stderr
    assert "Traceback" not in told.stderr


def test_unknown_option_is_explained():
    """A wrong option ends with exit code 2 and names it."""
    told = slim("run", "distill", "--nosuch")
    assert told.returncode == 2
    assert "--nosuch" in told.stderr


def test_missing_result_is_explained(tmp_path):
    """A report of nothing says how to get a result."""
    told = slim("report", str(tmp_path))
    assert told.returncode == 1
    assert "slim run RECIPE" in told.stderr
    assert "Traceback" not in told.stderr


def test_missing_dataset_is_explained(tmp_path):
    """Data that is not there is named, with exit code 3."""
    told = slim("run", "baseline", "--data", "./nowhere", "--cache", str(tmp_path), cwd=tmp_path)
    assert told.returncode == 3
    assert "nowhere" in told.stderr


@pytest.mark.parametrize("fault", [ValueError("[/x] of [time, 3]"), OSError(5, "[/x] of [time, 3]", "a[b]/c.csv")])
def test_brackets_in_a_message_are_text(fault, monkeypatch, capsys, tmp_path):
    """What a message quotes is shown as it is: nothing of it is taken for the terminal's own words."""

    def fails():
        raise fault

    monkeypatch.setattr(ENDS, "app", fails)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SystemExit, match="1"):
        ENDS.main()
    told = capsys.readouterr().err
    assert "[/x] of [time, 3]" in told
    assert isinstance(fault, ValueError) or "a[b]/c.csv" in told


def test_steps_are_listed():
    """`slim steps` shows every step, and one step's settings with their meaning."""
    assert all(name in slim("steps").stdout for name in ("train", "distill", "quantise"))
    assert "teacher_weight" in slim("steps", "distill").stdout


def test_check_shows_plan(tmp_path):
    """`slim check --show` prints every setting and the plan, and prepares nothing."""
    told = slim("check", "distill", "--show", "--cache", str(tmp_path / "cache"))
    assert told.returncode == 0, told.stderr
    assert "weight_decay" in told.stdout
    assert "micro-int8" in told.stdout
    assert not (tmp_path / "cache").exists()


def test_cache_is_shown_and_cleared(tmp_path):
    """`slim cache` tells what is kept, and clears one kind."""
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "x").write_bytes(bytes(2_000_000))
    assert "2.0" in slim("cache", "show", "--cache", str(tmp_path)).stdout
    assert "2.0 MB" in slim("cache", "clear", "tasks", "--yes", "--cache", str(tmp_path)).stdout
    assert not (tmp_path / "tasks").exists()
    assert {"prepared", "clips"} <= set(KEPT)  # both hold faces
    assert slim("cache", "clear", "everything", "--yes", "--cache", str(tmp_path)).returncode == 1
