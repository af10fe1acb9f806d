"""What a selection kept, beside the result."""

import json

from slimaffect.execute.task import Task
from slimaffect.model.shapes import shape
from slimaffect.recipe import Variant
from slimaffect.run.finished import Finished
from slimaffect.run.selections import write_selections
from slimaffect.steps.subset import Subset
from slimaffect.steps.train import Train

TALLY = {
    "subjects": {"S1/a": [8, 2], "S1/b": [6, 2]},
    "label_bins": {"offered": [[2, 0], [8, 4]], "kept": [[1, 0], [2, 1]]},
    "kept": {"S1/a/r": [[0, 4.0], [40, 4.0]]},
}


def finished(name: str, *steps) -> Finished:
    ends = [Task(shape("tiny"), steps, site, 0, 1, "data", deploy=True) for site in ("S1", "S2", None)]
    return Finished(Variant(name, steps), tuple(ends[:2]), ends[2])


def test_a_list_and_a_picture_for_each_variant_that_selects(tmp_path):
    """By fold; a variant on everything, and one that draws anew in every epoch, have none."""
    fewer, every = finished("keep0.25", Subset(keep=0.25), Train()), finished("baseline", Train())
    redrawn = finished("rs2", Subset(keep=0.25, by="rs2"), Train())
    tasks = {key: link for one in (fewer, every, redrawn) for key, link in one.links.items()}
    records = {
        key: {"figures": {"subset": TALLY} if link.step == "subset" and link.steps[-1].by == "stride" else {}}
        for key, link in tasks.items()
    }
    written = write_selections([every, fewer, redrawn], records, tmp_path)
    assert [file.name for file in written] == ["keep0.25.json", "keep0.25.png"]
    assert sorted(json.loads(written[0].read_text())) == ["S1 held out", "S2 held out", "all sites"]
    assert written[1].read_bytes().startswith(b"\x89PNG")
