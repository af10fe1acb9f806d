"""Promises of the synthetic behaviour: what affect does to a face, and what else does."""

import numpy as np
import pytest

from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.data.synthetic.behaviour import Behaviour, behave
from slimaffect.data.synthetic.manner import draw_manner
from slimaffect.data.synthetic.signals import RATE
from slimaffect.data.synthetic.sites import SITES, shifted

MINUTES = round(600 * RATE)


def behaviour(valence=0.0, arousal=0.0, speech_hz=0.0, *, seed=0, **knobs) -> Behaviour:
    """Ten minutes of one person in one state."""
    settings = SyntheticSettings(shift=0, **knobs)
    lived = np.tile(np.array([[valence], [arousal], [0.0], [speech_hz]]), MINUTES)
    random = np.random.default_rng(seed)
    return behave(random, draw_manner(random, 0.0), lived, shifted(SITES["S1"], settings), settings)


def pace(signal):
    """Mean change per second relative to the spread."""
    return np.abs(np.diff(signal)).mean() * RATE / signal.std()


def test_joy_smiles_and_anger_frowns():
    """Valence pulls the lip corners up, or brows and lip corners down."""
    joy, anger = behaviour(valence=0.7), behaviour(valence=-0.7)
    assert joy.au12.mean() > 4 * anger.au12.mean()
    assert anger.au4.mean() > 4 * joy.au4.mean()
    assert anger.au15.mean() > 4 * joy.au15.mean()


def test_arousal_opens_the_eyes_and_stirs_the_head():
    """Arousal shows in lids, blinks and the energy of movement, not in the lip corners."""
    calm, excited = behaviour(arousal=-0.6), behaviour(arousal=0.6)
    assert excited.au5.mean() > 2 * calm.au5.mean()
    assert calm.droop.mean() > 2 * excited.droop.mean()
    assert np.count_nonzero(np.diff(excited.blink > 0.5)) > 2 * np.count_nonzero(np.diff(calm.blink > 0.5))
    assert np.diff(excited.yaw).std() > 1.5 * np.diff(calm.yaw).std()
    assert excited.au12.mean() == pytest.approx(calm.au12.mean(), abs=0.1)


def test_tempo_shows_in_sequences_only():
    """With no static arousal, lids spread equally wide at any arousal and only their speed tells it."""
    calm, excited = (behaviour(arousal=a, static_arousal=0.0, confounds=0) for a in (-0.6, 0.6))
    calm_lid, excited_lid = calm.au5 - calm.droop, excited.au5 - excited.droop
    assert excited_lid.std() == pytest.approx(calm_lid.std(), rel=0.12)
    assert pace(excited_lid) > 1.8 * pace(calm_lid)


def test_without_tempo_the_pace_tells_nothing():
    """`tempo: 0` takes the speed cue away."""
    calm, excited = (behaviour(arousal=a, static_arousal=0.0, tempo=0.0, confounds=0) for a in (-0.6, 0.6))
    assert pace(excited.au5 - excited.droop) == pytest.approx(pace(calm.au5 - calm.droop), rel=0.1)


def test_confounds_move_a_face_without_affect():
    """A neutral face smiles and speaks now and then; with `confounds: 0` it never does."""
    busy, still = behaviour(speech_hz=0.1), behaviour(speech_hz=0.1, confounds=0.0)
    assert busy.au12.max() > 0.5
    assert busy.au26.max() > 0.3
    assert still.au12.max() < 0.1


def test_site_light_lowers_the_lids():
    """At a bright site people squint."""
    settings = SyntheticSettings()
    lived = np.zeros((4, MINUTES))
    lids = []
    for name in ("S1", "S4"):
        random = np.random.default_rng(0)
        acts = behave(random, draw_manner(random, 0.0), lived, shifted(SITES[name], settings), settings)
        lids.append((acts.au5 - acts.droop).mean())
    assert lids[0] > lids[1] + 0.08


def test_sampling_keeps_every_row():
    """A camera sees the behaviour at its own frame times."""
    whole = behaviour()
    seen = whole.at(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(seen.yaw, whole.yaw[[0, 25, 50]])
    assert all(len(column) == 3 for column in seen)


def test_signals_stay_in_range():
    """Blink and hand are shares; action units are never negative."""
    acts = behaviour(0.3, 0.3, 0.1)
    for column in (acts.blink, acts.hand):
        assert 0 <= column.min() <= column.max() <= 1
    assert min(column.min() for name, column in acts._asdict().items() if name.startswith("au")) >= 0
