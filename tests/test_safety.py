"""Nothing that is read from a disk can run code, and every dependency says from where to where it may be."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(ROOT.glob("slimaffect/**/*.py")) + sorted(ROOT.glob("benchmarks/**/*.py"))
LOADERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def calls(tree: ast.AST):
    """Every call's dotted name, with its keyword arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: word.value for word in node.keywords}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_unpickled(path):
    """No module that unpickles is imported; torch loads weights only, and numpy no objects."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not LOADERS & {name.partition(".")[0] for name in names}
    for name, given in calls(tree):
        if name == "torch.load":
            assert isinstance(given.get("weights_only"), ast.Constant)
            assert given["weights_only"].value is True
        if name.endswith("np.load") and "allow_pickle" in given:
            assert given["allow_pickle"].value is False  # it is numpy's default as well
        assert not name.endswith(("yaml.load", "yaml.unsafe_load")) or "Loader" in given


def test_every_dependency_has_a_lower_bound():
    """An old version that nobody tried is refused by the installer, not met at run time."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = told["project"]
    listed = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
    listed += told["dependency-groups"]["dev"]
    assert [one for one in listed if not re.match(r"[\w.\[\]-]+>=\d", one)] == []
