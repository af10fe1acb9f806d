"""Promises of the delay estimate: a known delay is found, a declared one is added, and noise has none."""

import numpy as np
import pytest

from slimaffect.data.check.delay import estimate_delay, motion
from slimaffect.data.clips import Recording

RATE = 10.0


def recording(delay_s, seed=0, seconds=120, noise=0.0, masked=()):
    """Crops that flicker as much as arousal will say `delay_s` later."""
    random = np.random.default_rng(seed)
    count = round(seconds * RATE)
    wild = np.convolve(random.normal(size=count + 200), np.ones(30) / 30, "same")[:count]
    energy = 10 + 8 * wild / np.abs(wild).max()
    flicker = np.where(np.arange(count) % 2, 1, -1) * energy / 2
    frames = np.clip(128 + flicker, 1, 255).astype(np.uint8)[:, None, None, None] * np.ones((1, 3, 16, 16), np.uint8)
    arousal = np.roll(wild, round(delay_s * RATE)) + noise * random.normal(size=count)
    valid = np.ones(count, bool)
    for index in masked:
        frames[index], valid[index] = 0, False
    affect = np.stack([np.zeros(count), arousal / np.abs(arousal).max()], axis=1)
    return Recording("S1", f"p{seed}", "task", frames, affect, valid, np.arange(count) / RATE, "")


@pytest.mark.parametrize("delay_s", [0.0, 1.0, 3.0])
def test_a_known_delay_is_found(delay_s):
    """Within a step, and its interval holds it."""
    found = estimate_delay([recording(delay_s, seed) for seed in range(4)], rate=RATE, declared_s=0.0)
    assert found.seconds == pytest.approx(delay_s, abs=0.25)
    assert found.interval[0] - 0.25 <= delay_s <= found.interval[1] + 0.25
    assert found.correlation > 0.5
    assert found.recordings == 4


def test_a_declared_delay_is_part_of_the_answer():
    """Prepared labels have the declared delay taken out: what is told is the whole delay, not the rest."""
    found = estimate_delay([recording(0.5, seed) for seed in range(4)], rate=RATE, declared_s=2.0)
    assert found.seconds == pytest.approx(2.5, abs=0.25)
    assert "declared: 2 s" in str(found)
    assert "an estimate, not a measurement" in str(found)


def test_noise_has_no_delay():
    """Arousal that follows nothing is told to be such."""
    still = [recording(0, seed) for seed in range(3)]
    for one in still:
        one.affect[:, 1] = 0.5
    found = estimate_delay(still, rate=RATE, declared_s=0.0)
    assert found.seconds is None
    assert "no estimate" in str(found)


def test_short_recordings_are_not_asked():
    """Twenty seconds say nothing of a delay of some seconds."""
    assert estimate_delay([recording(1.0, seconds=20)], rate=RATE, declared_s=0.0).recordings == 0


def test_a_face_that_comes_and_goes_is_no_motion():
    """Neither the frame without a face nor the one after it counts; all others do."""
    energy = motion(recording(0, masked=[5, 6]))
    assert np.flatnonzero(np.isnan(energy)).tolist() == [0, 5, 6, 7]
