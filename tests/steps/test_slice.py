"""`slice`: one width of a slimmable model, as a plain model."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from slimaffect.errors import ModelError
from slimaffect.export.graph import graph
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import Lstm, ModelSpec, PlainCnn
from slimaffect.model.store import load, save
from slimaffect.recipe.variants import understand_steps
from slimaffect.steps.slice import Slice
from slimaffect.train.candidate import Candidate

WIDE = ModelSpec(pixels=16, cnn=PlainCnn(widths=(16, 32)), features=16, lstm=Lstm(hidden=24, layers=2))
SLIMMABLE = {"slimmable": {"epochs": 2, "widths": [0.25, 0.5]}}


@pytest.fixture
def wide(candidate: Candidate) -> Candidate:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return replace(candidate, model=AffectNet(WIDE).eval())


def test_it_cuts_the_first_units_and_measures_their_norms(wide: Candidate, tmp_path: Path) -> None:
    """Half of the channels and units, from spec and safetensors again, and a graph of its own."""
    sliced = Slice(width=0.5).apply(wide)
    half = sliced.model
    assert (half.spec.cnn.widths, half.spec.features, half.spec.lstm.hidden) == ((8, 16), 8, 16)
    assert torch.equal(half.cnn.blocks[0].conv.weight, wide.model.cnn.blocks[0].conv.weight[:8])
    statistics = half.cnn.blocks[1].bn.running_mean
    assert not torch.allclose(statistics, wide.model.cnn.blocks[1].bn.running_mean[:16])
    kept = ("clips", "loss", "precision", "seed")
    assert [getattr(sliced, name) for name in kept] == [getattr(wide, name) for name in kept]
    save(half, tmp_path)
    frames = torch.rand(1, 2, 3, 16, 16)
    assert torch.equal(load(tmp_path)(frames).affect, half(frames).affect)
    assert graph(half).graph.node


def test_the_whole_keeps_its_weights(wide: Candidate) -> None:
    """Width 1 is the model itself, with its statistics measured again."""
    whole = Slice(width=1.0).apply(wide).model
    assert whole.spec == WIDE
    assert torch.equal(whole.head.weight, wide.model.head.weight)


def test_a_model_that_is_too_narrow_is_refused(candidate: Candidate) -> None:
    """Eight channels are the least; the message says what to do."""
    with pytest.raises(ModelError, match=r"width 0\.5 leaves every layer as it is, because widths are multiples of 8"):
        Slice(width=0.5).apply(candidate)


def test_it_needs_a_slimmable_model_and_one_of_its_widths() -> None:
    """Both are told while the recipe is read, at the line of `slice`."""

    def complaints(*steps: dict) -> list[tuple]:
        return [(complaint.path, complaint.what) for complaint in understand_steps([{"train": {}}, *steps])[1]]

    [(path, what)] = complaints({"slice": {"width": 0.5}})
    assert path == (1,)
    assert "`slice` needs a `slimmable` before it" in what
    [(path, what)] = complaints(SLIMMABLE, {"slice": {"width": 0.75}})
    assert "`slice.width` is 0.75, and `slimmable` trains 0.25, 0.5, 1" in what
    assert complaints(SLIMMABLE, {"slice": {"width": {"sweep": [0.25, 0.5, 1.0]}}}) == []
