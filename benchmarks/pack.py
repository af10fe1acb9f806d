"""Pack the default data's prepared clips into a folder small enough to take along to another machine.

    python benchmarks/pack.py FOLDER --pixels 64               # 45 people, some 15 MB
    python benchmarks/pack.py FOLDER --pixels 48 --strangers 2  # and twice as many people without labels
    python benchmarks/reference.py --clips FOLDER               # there

Needs the videos and PyAV here; whoever reads the folder needs OpenCV only.
"""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from shared.packed import megabytes, pack, strangers, unpack

from slimaffect.bars import bars
from slimaffect.data import DataSettings, prepare
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.run.places import Places


def main() -> None:
    """Prepare what is missing, pack it, and say how large it is."""
    asked, console = _arguments(), Console()
    with bars(console) as watch, tempfile.TemporaryDirectory() as scratch:
        clips = prepare(settings(asked), Places.choose().cache, workers=asked.workers, watch=watch).clips
        folder = asked.folder or Path(scratch) / "packed"
        pack(clips, folder, watch)
        read = unpack(folder, Path(scratch) / "read", watch) if asked.quick else clips
    console.print(f"{len(read.recordings)} recordings, {len(read):,} clips: {megabytes(folder.rglob('*')):.1f} MB")


def settings(asked: argparse.Namespace) -> DataSettings:
    """Say which data: the default people, and strangers drawn with another seed where they are asked for."""
    people = SyntheticSettings(subjects=4, seconds=5) if asked.quick else SyntheticSettings()
    found = DataSettings(pixels=asked.pixels, synthetic=people)
    if not asked.strangers:
        return found
    return found.model_copy(update={"unlabelled": str(strangers(people, asked.strangers, asked.workers))})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="where to write; with --quick it may be left out")
    parser.add_argument("--pixels", type=int, default=64)
    parser.add_argument("--strangers", type=int, default=0, help="times as many people without labels")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="four people for five seconds, packed and read again")
    asked = parser.parse_args()
    if asked.folder is None and not asked.quick:
        parser.error("name the folder to write")
    return asked


if __name__ == "__main__":
    main()
