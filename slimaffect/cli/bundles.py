"""`slim predict` and `slim bundle`: what deploys."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from slimaffect.cli.common import BundlePath, Workers, app, complain, console, cores, shown_bars
from slimaffect.errors import BundleError, VideoError

if TYPE_CHECKING:
    from slimaffect.runtime.session import Runtime

bundle_app = typer.Typer(no_args_is_help=True, help="Look at what a run exported.")
app.add_typer(bundle_app, name="bundle")


@app.command()
def predict(
    bundle: BundlePath,
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Video files, or folders of them.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Where to write; default: beside each video.")
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw affect against time as a PNG too.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Write the video with face and affect drawn in.")] = False,
    face_model: Annotated[
        Path | None, typer.Option("--face-model", metavar="FILE", help="YuNet's file, if the bundle uses it.")
    ] = None,
    runtime: Annotated[str, typer.Option("--runtime", help="auto, openvino or onnxruntime.")] = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Read videos again that are finished.")] = False,
    workers: Workers = None,
) -> None:
    """Read valence and arousal from videos into <video>.affect.csv.

    Stop it with Ctrl-C whenever you like: videos that are finished are kept, and the same command goes on from there.
    """
    from functools import partial

    from slimaffect.data.workers import each
    from slimaffect.runtime.archive import How, jobs, predict
    from slimaffect.runtime.predictor import Predictor
    from slimaffect.runtime.tables import fault_table, outcome_table

    opened = Predictor.load(bundle, runtime=_runtime(runtime), complain=complain).session.runtime
    listed = jobs(videos, out, How(bundle, opened, face_model, plot, overlay))
    with shown_bars() as watch:
        done = partial(each, workers=workers or cores())
        outcomes = list(predict(listed, fresh=fresh, each=done, watch=watch))
    console.print(outcome_table(outcomes))
    if any(outcome.why_not or outcome.notes for outcome in outcomes):
        console.print(fault_table(outcomes))
    if any(outcome.why_not for outcome in outcomes):
        raise typer.Exit(VideoError.exit_code)


@bundle_app.command("show")
def bundle_show(bundle: BundlePath) -> None:
    """Verify a bundle, and say what it is, how good, how fast and how made."""
    from slimaffect.runtime.bundle import verified
    from slimaffect.runtime.tables import bundle_table

    console.print(bundle_table(bundle, verified(bundle)))


def _runtime(name: str) -> 'Runtime | Literal["auto"]':
    from slimaffect.runtime.session import RUNTIMES

    if name not in ("auto", *RUNTIMES):
        raise BundleError(f"{name!r} is no runtime; it must be one of auto, {', '.join(RUNTIMES)}.")
    return cast("Runtime", name)
