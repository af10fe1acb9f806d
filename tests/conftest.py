"""What all rooms' tests share."""

import jaxtyping
import pytest


@pytest.fixture
def unchecked():
    """Signatures are checked in tests only: leave that out where a wrong argument must meet our own refusal."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
