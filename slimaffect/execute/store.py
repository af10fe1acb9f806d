"""A candidate on disk: weights and spec, the clips that a step kept, the precision. Never a pickle."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from slimaffect.data.clips import Clips
from slimaffect.model.losses import LabelLoss
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec
from slimaffect.model.store import load, save
from slimaffect.train.candidate import Candidate, Precision

WINDOWS, SHARE, PRECISION = "windows.npy", "share.json", "precision.json"


def first_candidate(spec: ModelSpec, clips: Clips, seed: int) -> Candidate:
    """Make what a recipe's first step is given: a fresh model, every clip, and the labels as the loss."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Candidate(AffectNet(spec), clips, LabelLoss(), Precision(), seed)


def save_candidate(candidate: Candidate, folder: Path) -> None:
    """Write what a later step needs; the recordings stay in the clip store."""
    folder.mkdir(parents=True, exist_ok=True)
    save(candidate.model, folder)
    np.save(folder / WINDOWS, candidate.clips.windows)
    (folder / SHARE).write_text(json.dumps({"share": candidate.clips.share, "spared": candidate.clips.spared}))
    (folder / PRECISION).write_text(candidate.precision.model_dump_json())


def load_candidate(folder: Path, clips: Clips, seed: int) -> Candidate:
    """Read a candidate; `clips` are the training clips of its fold, of which it may have kept some."""
    shares = json.loads((folder / SHARE).read_text())
    kept = replace(clips, windows=np.load(folder / WINDOWS, allow_pickle=False), **shares)
    precision = Precision.model_validate_json((folder / PRECISION).read_text())
    return Candidate(load(folder), kept, LabelLoss(), precision, seed)
