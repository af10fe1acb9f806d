"""Promises of the synthetic affect and its annotation."""

from dataclasses import replace

import numpy as np
import pytest

from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.data.synthetic.affect import ANNOTATORS, TASKS, annotate, draw_temper, felt, session
from slimaffect.data.synthetic.cast import streams, takes
from slimaffect.data.synthetic.signals import RATE
from slimaffect.data.synthetic.sites import SITES, shifted
from slimaffect.data.synthetic.write import live

NEUTRAL = shifted(SITES["S2"], SyntheticSettings(shift=0))


@pytest.fixture(scope="module")
def gold():
    """Gold standard of the whole default dataset, without its faces."""
    settings = SyntheticSettings()
    sites = {name: shifted(site, settings) for name, site in SITES.items()}
    lives = [live(streams(0, take), settings, sites[take.site])[1] for take in takes(settings)]
    return np.concatenate(lives, axis=1)


def test_labels_spread_over_their_range(gold):
    """Valence and arousal use their range: the standard deviations are about 0.4, the means near 0."""
    assert gold.std(axis=1) == pytest.approx([0.40, 0.42], abs=0.05)
    assert np.abs(gold.mean(axis=1)).max() < 0.12
    assert np.abs(gold).max() <= 1


def test_valence_and_arousal_do_not_correlate(gold):
    """Neither can be predicted through the other."""
    assert abs(np.corrcoef(gold)[0, 1]) < 0.1


def test_tasks_do_not_correlate_valence_with_arousal():
    """The ten tasks ask for every mixture of valence and arousal."""
    aims = np.array([(task.valence, task.arousal) for task in TASKS.values()])
    assert abs(np.corrcoef(aims.T)[0, 1]) < 0.25


def test_a_default_session_holds_all_tasks():
    """110 s are long enough for nearly every task to come up."""
    wanted = session(np.random.default_rng(0), round(110 * RATE))
    assert wanted.shape == (4, 5500)
    assert len({tuple(column) for column in wanted.T}) >= 9


def test_affect_stays_inside_its_range():
    """Affect is in (-1, 1) whatever happens."""
    random = np.random.default_rng(1)
    affect = felt(random, draw_temper(random), session(random, 20_000)[:2])
    assert np.abs(affect).max() < 1


def test_gold_follows_affect_late():
    """The gold standard is affect as it was some 0.7 s ago."""
    random = np.random.default_rng(2)
    affect = felt(random, draw_temper(random), session(random, 40_000)[:2])
    gold, _ = annotate(random, affect, NEUTRAL, lag=1.0)
    likeness = {lag: np.corrcoef(affect[0, : -lag or None], gold[0, lag:])[0, 1] for lag in range(0, 150, 5)}
    assert 0.5 <= max(likeness, key=likeness.__getitem__) / RATE <= 1.6
    assert max(likeness.values()) > 0.95


def test_gold_is_the_mean_of_the_annotators():
    """Five traces, and the gold standard in their middle."""
    random = np.random.default_rng(3)
    gold, traces = annotate(random, np.zeros((2, 500)), NEUTRAL, lag=1.0)
    assert traces.shape == (ANNOTATORS, 2, 500)
    np.testing.assert_allclose(gold, traces.mean(axis=0), atol=1e-12)


def test_a_site_biases_its_labels():
    """A site's label bias and gain reach the gold standard."""
    site = replace(NEUTRAL, label_bias=(0.3, -0.2), label_gain=(1.0, 0.5))
    affect = np.random.default_rng(4).uniform(-0.4, 0.4, (2, 500))
    plain, _ = annotate(np.random.default_rng(5), affect, NEUTRAL, lag=0.0)
    biased, _ = annotate(np.random.default_rng(5), affect, site, lag=0.0)
    np.testing.assert_allclose(biased, plain * [[1.0], [0.5]] + [[0.3], [-0.2]], atol=1e-9)


def test_without_shift_the_sites_label_and_look_alike():
    """At shift 0 every site is neutral but for the size of its picture, its rate and its room."""

    def kinds(shift: float) -> int:
        own = {"name": "", "width": 1, "height": 1, "rate": 1.0, "scale": 1.0, "background": ""}
        return len({replace(shifted(site, SyntheticSettings(shift=shift)), **own) for site in SITES.values()})

    assert kinds(0.0) == 1
    assert kinds(0.5) == 4


def test_label_shift_moves_labels_only():
    """`label_shift: 0` leaves the camera where the site has it and takes its label bias away."""
    plain = shifted(SITES["S4"], SyntheticSettings(label_shift=0))
    assert plain.label_bias == (0.0, 0.0)
    assert plain.light == shifted(SITES["S4"], SyntheticSettings()).light
