"""Bias and gain tell a shifted model from a timid one."""

from dataclasses import replace

import numpy as np
import pytest

from slimaffect.evaluate.calibration import bias_and_gain, calibration


def test_a_shift_is_bias_and_a_shrink_is_gain(answers):
    """Labels shifted by 0.1 and halved: bias and gain say exactly that, at every site."""
    told = [
        replace(one, subjects=tuple(replace(s, predicted=0.5 * s.affect + 0.1) for s in one.subjects))
        for one in answers
    ]
    found = calibration(told)
    assert list(found) == ["athens", "bonn", "cadiz", "delft"]
    for site, one in found.items():
        affect = np.concatenate([s.affect for a in told if a.held_out == site for s in a.subjects])
        assert one.gain_valence == pytest.approx(0.5)
        assert one.gain_arousal == pytest.approx(0.5)
        assert one.bias_valence == pytest.approx(0.1 - 0.5 * affect[:, 0].mean())


def test_still_labels_have_no_gain():
    """Nothing to follow: NaN, and the bias is still told."""
    bias, gain = bias_and_gain(np.array([0.2, 0.4]), np.zeros(2))
    assert bias == pytest.approx(0.3)
    assert np.isnan(gain)
    assert np.isnan(bias_and_gain(np.empty(0), np.empty(0))).all()
