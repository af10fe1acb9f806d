"""What all rooms' tests share."""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
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


@pytest.fixture(scope="session")
def sent():
    """Send something as it is sent to a worker, and answer what arrives."""

    def through(thing):
        ours, theirs = Pipe()
        with ours, theirs, ThreadPoolExecutor(1) as sender:  # a pipe holds little until somebody reads
            sending = sender.submit(ours.send, thing)
            arrived = theirs.recv()
            sending.result()
        return arrived

    return through
