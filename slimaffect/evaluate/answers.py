"""What a model answered on a held-out site, kept on disk without a face in it."""

import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from slimaffect.errors import RunError


@dataclass(frozen=True, eq=False)
class SubjectAnswers:
    """What a model answered on all frames of one subject, beside the labels. No faces.

    `affect` is valence and arousal, both in [-1, 1]; `valid` is True where a frame has a face and a label.
    """

    subject: str
    predicted: Float[np.ndarray, "time 2"]
    affect: Float[np.ndarray, "time 2"]
    valid: Bool[np.ndarray, " time"]


@dataclass(frozen=True, eq=False)
class Answers:
    """What the model of one fold and seed answered on its held-out site."""

    held_out: str
    seed: int
    subjects: tuple[SubjectAnswers, ...]

    def clipped(self) -> "Answers":
        """Move every prediction into [-1, 1]; an infinite one stays: it is no answer."""
        return replace(self, subjects=tuple(replace(one, predicted=_inside(one.predicted)) for one in self.subjects))

    def save(self, path: Path) -> None:
        """Write an npz: complete, or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez_compressed(file, allow_pickle=False, **_flat(self))
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: Path) -> "Answers":
        """Read what `save` wrote.

        Raises:
            RunError: there is no such file, or it does not hold answers.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return _unflat(file)
        except FileNotFoundError:
            raise RunError(f"{path}: no answers were saved here. Run the recipe again; what is done is kept.") from None
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise RunError(
                f"{path}: these are no readable answers ({error}). Delete the file and run again."
            ) from error


def pooled(answers: Answers) -> tuple[Float[np.ndarray, "frames 2"], Float[np.ndarray, "frames 2"]]:
    """Put the valid frames of all subjects behind each other: predictions and labels, float64."""
    empty = [np.empty((0, 2))]
    kept = [one.valid & ~np.isnan(one.affect).any(axis=1) for one in answers.subjects]
    predicted = [one.predicted[k] for one, k in zip(answers.subjects, kept, strict=True)]
    affect = [one.affect[k] for one, k in zip(answers.subjects, kept, strict=True)]
    return np.concatenate(empty + predicted, dtype=np.float64), np.concatenate(empty + affect, dtype=np.float64)


def _inside(predicted: Float[np.ndarray, "time 2"]) -> Float[np.ndarray, "time 2"]:
    return np.where(np.isfinite(predicted), np.clip(predicted, -1, 1), predicted)


def _flat(answers: Answers) -> dict[str, np.ndarray]:
    people = answers.subjects
    series = {key: [getattr(one, key) for one in people] for key in ("predicted", "affect", "valid")}
    return {
        "held_out": np.array(answers.held_out),
        "seed": np.array(answers.seed),
        "subjects": np.array([one.subject for one in people], dtype=np.str_),
        "frames": np.array([len(one.valid) for one in people], dtype=np.int64),
        "predicted": np.concatenate([np.empty((0, 2), np.float32), *series["predicted"]]),
        "affect": np.concatenate([np.empty((0, 2), np.float32), *series["affect"]]),
        "valid": np.concatenate([np.empty(0, bool), *series["valid"]]),
    }


def _unflat(file: Mapping[str, np.ndarray]) -> Answers:
    ends = np.cumsum(file["frames"])[:-1]
    columns = (
        [np.split(file[key], ends) for key in ("predicted", "affect", "valid")] if len(file["frames"]) else [[]] * 3
    )
    names = [str(name) for name in file["subjects"]]
    people = tuple(SubjectAnswers(*row) for row in zip(names, *columns, strict=True))
    return Answers(str(file["held_out"]), int(file["seed"]), people)
