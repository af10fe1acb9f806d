"""What the tests of this room share."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("films", Path(__file__).with_name("films.py"))
_films = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_films)


@pytest.fixture(scope="session")
def films():
    """The functions that draw and encode small videos."""
    return _films
