"""Datasets on disk to clips in memory; importing this loads neither OpenCV nor PyAV."""

from slimaffect.callbacks import Watch
from slimaffect.data.clips import Clips, Recording, cut
from slimaffect.data.layout import Dataset, DatasetFacts, Source, read_dataset, write_dataset_yaml
from slimaffect.data.prepare import Prepared, prepare
from slimaffect.data.problems import Problem
from slimaffect.data.settings import ClipSettings, DataSettings

__all__ = [
    "ClipSettings",
    "Clips",
    "DataSettings",
    "Dataset",
    "DatasetFacts",
    "Prepared",
    "Problem",
    "Recording",
    "Source",
    "Watch",
    "cut",
    "prepare",
    "read_dataset",
    "write_dataset_yaml",
]
