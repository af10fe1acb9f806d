"""Machines of known power, for tests that own the time."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def machines():
    """The module of machines of known power."""
    spec = importlib.util.spec_from_file_location("machines", Path(__file__).with_name("machines.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
