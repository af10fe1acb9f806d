"""The key of a task: it changes with every line of code that could change the result, and with no other."""

import pytest

from slimaffect.execute import task as module
from slimaffect.execute.task import Task
from slimaffect.model.shapes import shape
from slimaffect.steps.distill import Distill
from slimaffect.steps.prune import Prune
from slimaffect.steps.quantise import Quantise
from slimaffect.steps.train import Train


def step(kind, **settings):
    return kind.model_validate(settings)


@pytest.mark.parametrize(
    ("last", "exports"),
    [
        (step(Train), False),
        (step(Distill, student="micro"), False),
        (step(Distill, student={"auto": {"macs": 0.1}}), False),
        (step(Distill, student={"auto": {"clip_ms": 0.1}}), True),
        (step(Prune, until={"macs": 0.5}), False),
        (step(Prune, until={"cpu_s": 5}), True),
        (step(Quantise, to="int8"), False),
        (step(Quantise, to="int8", keep_within=0.01), True),
        (step(Quantise, to="fp16", keep_within=0.01), False),
        (step(Quantise, to="int8", train={}), True),
    ],
    ids=str,
)
def test_the_code_that_exports_counts_where_a_step_exports(monkeypatch, last, exports):
    """Such a step asks the exported file: another exporter may choose otherwise, and so may what comes after it."""
    asked = []
    monkeypatch.setattr(module, "code_version", lambda *rooms: asked.append(rooms) or "code")
    for steps in ((Train(), last), (Train(), last, Quantise(to="fp32"))):
        assert Task(shape("tiny"), steps, "S1", 0, 1, "data").key
    assert [("export" in rooms) for rooms in asked] == [exports, exports]
