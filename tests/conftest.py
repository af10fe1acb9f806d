"""What all rooms' tests share."""

import importlib.util
from pathlib import Path

import jaxtyping
import pytest
from hypothesis import HealthCheck, settings

# How fast a machine is, or how busy, is no fault of what is tested on it.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

_spec = importlib.util.spec_from_file_location("films", Path(__file__).parent / "video" / "films.py")
_films = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_films)


@pytest.fixture(scope="session")
def films():
    """The functions that draw and encode small videos."""
    return _films


@pytest.fixture
def unchecked():
    """Signatures are checked in tests only: leave that out where a wrong argument must meet our own refusal."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
