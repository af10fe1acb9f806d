"""Features kept for the LSTM's stage are those that the CNN answers to the same view."""

import numpy as np
import torch

from slimaffect.data.clips import Clips
from slimaffect.model.distillation import DistillLoss
from slimaffect.model.imitation import Imitation
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec
from slimaffect.model.teachers import Nets
from slimaffect.train.augment import alter, draw_view
from slimaffect.train.features import cut_features, keep_features
from slimaffect.train.learner import Learner
from slimaffect.train.pool import Pool
from slimaffect.train.randomness import torch_generator
from slimaffect.train.settings import TrainSettings

SETTINGS = TrainSettings(amp="off")


def test_kept_features_are_those_of_the_view(clips: Clips, spec: ModelSpec) -> None:
    """Cut out of the store or computed from the altered pixels: the same numbers, for student and teacher."""
    torch.manual_seed(0)
    loss = DistillLoss(LabelLoss(), [Nets([AffectNet(spec)])], spec, Imitation(feature_weight=0.5))
    learner, pool = Learner(AffectNet(spec), loss, SETTINGS, seed=4), Pool(clips)
    kept = keep_features(learner, pool, views=2)
    features, batch = cut_features(kept, pool, [(1, 2, 6), (0, 0, 0)], length=12, unscored=3)
    stretch = pool.stretches[2]
    raw = torch.from_numpy(pool.frames[stretch.recording][stretch.first : stretch.last])[None]
    faces = alter(raw, draw_view(1, SETTINGS.augment, torch_generator(4, "features 1", 2)))
    with torch.no_grad():
        torch.testing.assert_close(features[0], learner.net.encode(faces[0, 6:18]), atol=1e-5, rtol=0)
        taught = loss.teach(faces)
    assert batch.teacher is not None
    torch.testing.assert_close(batch.teacher.affect[0], taught.affect[0, 6:18], atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.teacher.features[0], taught.features[0, 6:18], atol=1e-5, rtol=0)


def test_windows_of_features_carry_their_labels(clips: Clips, spec: ModelSpec) -> None:
    """Labels and validity are those of the frames."""
    learner, pool = Learner(AffectNet(spec), LabelLoss(), SETTINGS, seed=4), Pool(clips)
    _, batch = cut_features(keep_features(learner, pool, 1), pool, [(0, 1, 5)], length=12, unscored=3)
    recording = clips.recordings[1]
    wanted = recording.valid[5:17] & (np.arange(12) >= 3)
    np.testing.assert_array_equal(batch.valid[0].numpy(), wanted)
    np.testing.assert_allclose(batch.affect[0].numpy()[wanted], recording.affect[5:17][wanted])
    assert batch.teacher is None
