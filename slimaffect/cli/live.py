"""`slim predict --camera`: a line that is renewed, and a table that stays."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from slimaffect.cli.common import complain, console

if TYPE_CHECKING:
    from slimaffect.runtime.session import Runtime


def live(
    bundle: Path,
    number: int,
    runtime: 'Runtime | Literal["auto", "declared"]',
    out: Path | None,
    face_model: Path | None,
    seconds: float | None,
) -> None:
    """Read a camera until it ends, the time is over, or Ctrl-C."""
    from slimaffect.runtime.camera import CvCamera, Newest
    from slimaffect.runtime.diary import Diary, kept
    from slimaffect.runtime.predictor import Predictor
    from slimaffect.video.detect import detector

    predictor = Predictor.load(bundle, runtime=runtime, complain=complain)
    asked = predictor.manifest.preprocessing
    more = {"model": str(face_model)} if face_model else {}
    settings = asked.faces.model_copy(update=more)
    finder = detector(asked.detector, settings)
    pictures = Newest(CvCamera(number))
    diary = Diary()
    try:
        with console.status("waiting for the camera; end with Ctrl-C") as status:
            for row in kept(predictor, pictures, finder, settings, diary, seconds=seconds, out=out):
                status.update(row)
    except KeyboardInterrupt:
        pass  # this is how one ends it
    finally:
        pictures.close()
    console.print(diary.summary())
