"""What a selection kept, for the record."""

import json

import numpy as np

from slimaffect.data.clips import Clips
from slimaffect.select.tally import tally
from slimaffect.select.units import labelled


def test_the_record_says_who_was_kept(clips: Clips) -> None:
    """By subject and label bin, every kept clip by its first frame and weight; plain JSON."""
    kept = clips.pick([0, 5, 40])
    told = json.loads(json.dumps(tally(clips, kept, np.array([1.0, 2.5, 1 / 3]))))
    assert told["clips"] == [len(clips), 3]
    assert told["labelled_frames"] == [labelled(clips), labelled(kept)]
    assert told["subjects"]["S1/a"] == [37, 2]
    assert told["subjects"]["S2/d"] == [37, 0]
    assert told["kept"] == {"S1/a/r": [[0, 1.0], [15, 2.5]], "S1/b/r": [[9, 0.333]]}
    assert np.sum(told["label_bins"]["offered"]) == len(clips)
    assert np.sum(told["label_bins"]["kept"]) == 3
