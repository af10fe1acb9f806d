"""Facility location beside another implementation, where that can be imported."""

import warnings

import numpy as np
import pytest

from slimaffect.select.geometry import most_similar

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies, while they are imported
    apricot = pytest.importorskip("apricot", reason="apricot-select is not installed: it brings numba and llvmlite")


@pytest.mark.parametrize("seed", range(4))
def test_lazy_greedy_chooses_as_apricot_does(seed) -> None:
    """The same units in the same order, on the same similarities (Schreiber et al. 2020, arXiv 1906.03543)."""
    features = np.random.default_rng(seed).normal(0, 1, (80, 6)).astype(np.float32)
    apart = np.linalg.norm(features[:, None].astype(float) - features[None], axis=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chooser = apricot.FacilityLocationSelection(12, metric="precomputed", optimizer="naive")
        chooser.fit(apart.max() - apart)
    assert most_similar(features, 12).tolist() == chooser.ranking.tolist()
