"""Promises of the random signals that everything synthetic is made of."""

import numpy as np
import pytest

from slimaffect.data.synthetic.signals import RATE, bouts, bumps, delayed, low_pass, recur, wander


def test_recur_is_the_recursion_it_replaces():
    """The logarithmic solution equals the loop, also when the carry changes in time."""
    random = np.random.default_rng(0)
    carry, drive = random.uniform(0, 1, 777), random.standard_normal(777)
    expected = [drive[0]]
    for t in range(1, 777):
        expected.append(carry[t] * expected[-1] + drive[t])
    np.testing.assert_allclose(recur(carry, drive), expected, rtol=1e-9, atol=1e-12)


def test_recur_leaves_its_arguments_alone():
    """The given arrays are read, not written."""
    carry, drive = np.full(5, 0.5), np.ones(5)
    recur(carry, drive)
    assert (carry == 0.5).all()
    assert (drive == 1).all()


def test_low_pass_settles_with_its_time_constant():
    """A step reaches 1 - 1/e after one time constant."""
    step = np.concatenate([np.zeros(1), np.ones(500)])
    assert low_pass(step, 1.0)[round(RATE)] == pytest.approx(1 - np.exp(-1), abs=0.01)


@pytest.mark.parametrize("tau_s", [0.1, 1.0])
def test_wander_keeps_its_spread_and_its_pace(tau_s):
    """The spread is as asked, and one time constant later the correlation is 1/e."""
    signal = wander(np.random.default_rng(1), 200_000, tau_s, 0.4)
    assert signal.std() == pytest.approx(0.4, rel=0.06)
    lag = round(tau_s * RATE)
    assert np.corrcoef(signal[:-lag], signal[lag:])[0, 1] == pytest.approx(np.exp(-1), abs=0.06)


def test_a_change_of_pace_does_not_change_the_spread():
    """Slow and fast stretches of one signal have the same marginal: a single frame cannot tell them apart."""
    tau_s = np.where(np.arange(200_000) // 20_000 % 2 == 0, 0.08, 0.8)
    signal = wander(np.random.default_rng(2), 200_000, tau_s, 1.0)
    fast, slow = signal[tau_s == 0.08], signal[tau_s == 0.8]
    assert fast.std() == pytest.approx(slow.std(), rel=0.1)
    assert np.abs(np.diff(fast)).mean() > 2 * np.abs(np.diff(slow)).mean()


def test_bumps_come_at_their_rate():
    """Onsets per second are as asked, and every bump reaches its size."""
    bump = bumps(
        np.random.default_rng(3), 200_000, 0.05, rise_s=(0.1, 0.1), hold_s=(1, 1), fall_s=(0.05, 0.05), size=(1, 1)
    )
    onsets = np.count_nonzero((bump[1:] > 0.5) & (bump[:-1] <= 0.5))
    assert onsets / 4000 == pytest.approx(0.05, rel=0.2)
    assert bump.max() >= 0.999


def test_bouts_need_a_rate():
    """Nothing begins where the rate is 0."""
    rate = np.concatenate([np.zeros(5000), np.full(5000, 0.5)])
    on = bouts(np.random.default_rng(4), rate, (1.0, 2.0))
    assert on[:5000].max() == 0
    assert set(np.unique(on)) == {0.0, 1.0}


def test_delayed_by_nothing_is_the_same():
    """A delay of 0 s changes nothing."""
    signal = np.random.default_rng(5).standard_normal(50)
    np.testing.assert_allclose(delayed(signal, 0.0), signal)
