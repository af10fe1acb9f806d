"""What the tests of importers share: the trees, and one import of each."""

import importlib.util
import sys
from pathlib import Path

import pytest

from slimaffect.data.importers import import_dataset


def _load(name: str):
    spec = importlib.util.spec_from_file_location(f"importer_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def trees():
    """The functions that write trees as they are published."""
    return _load("trees")


@pytest.fixture(scope="session")
def mutations():
    """The functions that damage trees."""
    return _load("mutations")


@pytest.fixture
def imported(trees, tmp_path):
    """Write a format's tree, let the test change it, and import it."""

    def run(name: str, change=None, *, tree: dict | None = None, **options):
        source = tmp_path / "source"
        if not source.exists():
            trees.TREES[name](source, **(tree or {}))
        if change:
            change(source)
        return import_dataset(name, source, tmp_path / "target", options=options)

    return run


@pytest.fixture
def told():
    """The problems whose place or text holds a piece of text."""

    def find(result, text: str):
        return [problem for problem in result.problems if text in f"{problem}"]

    return find
