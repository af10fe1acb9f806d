"""`slim predict`, `slim export` and `slim bundle`: what deploys."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from slimaffect.cli.common import BundlePath, Workers, app, complain, console, cores, shown_bars
from slimaffect.errors import BundleError, VideoError

if TYPE_CHECKING:
    from slimaffect.runtime.session import Runtime

RUNTIME_HELP = (
    "auto (the fastest here), declared (the fastest where it was made), openvino, onnxruntime, onnxruntime-cuda, "
    "onnxruntime-tensorrt, tensorrt or tensorrt_rtx."
)
bundle_app = typer.Typer(no_args_is_help=True, help="Look at what a run exported.")
app.add_typer(bundle_app, name="bundle")


@app.command()
def predict(
    bundle: BundlePath,
    videos: Annotated[
        list[Path] | None, typer.Argument(metavar="VIDEO...", help="Video files, or folders of them.")
    ] = None,
    camera: Annotated[
        int | None, typer.Option("--camera", min=0, metavar="N", help="Read the camera of this number instead.")
    ] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="End a camera's reading after so long.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Where to write; default: beside each video.")
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw affect against time as a PNG too.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Write the video with face and affect drawn in.")] = False,
    face_model: Annotated[
        Path | None, typer.Option("--face-model", metavar="FILE", help="YuNet's file, if the bundle uses it.")
    ] = None,
    runtime: Annotated[str, typer.Option("--runtime", help=RUNTIME_HELP)] = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Read videos again that are finished.")] = False,
    workers: Workers = None,
) -> None:
    """Read valence and arousal from videos into <video>.affect.csv, or from a camera as it is seen.

    Stop it with Ctrl-C whenever you like: videos that are finished are kept, and the same command goes on from there.
    """
    from functools import partial

    if (camera is None) == (not videos):
        raise BundleError("Give videos or folders, or --camera N: one of the two.")
    if camera is not None:
        from slimaffect.cli.live import live

        live(bundle, camera, _runtime(runtime), out, face_model, seconds)
        return
    from slimaffect.data.workers import each
    from slimaffect.runtime.archive import How, jobs, predict
    from slimaffect.runtime.predictor import Predictor
    from slimaffect.runtime.tables import fault_table, outcome_table

    opened = Predictor.load(bundle, runtime=_runtime(runtime), complain=complain).session.runtime
    listed = jobs(videos or [], out, How(bundle, opened, face_model, plot, overlay))
    with shown_bars() as watch:
        done = partial(each, workers=workers or cores())
        outcomes = list(predict(listed, fresh=fresh, each=done, watch=watch))
    console.print(outcome_table(outcomes))
    if any(outcome.why_not or outcome.notes for outcome in outcomes):
        console.print(fault_table(outcomes))
    if any(outcome.why_not for outcome in outcomes):
        raise typer.Exit(VideoError.exit_code)


@app.command()
def export(
    bundle: BundlePath,
    to: Annotated[Literal["rtx", "tensorrt"], typer.Option("--to", help="TensorRT-RTX, or TensorRT on its GPU.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Where to write; default: beside the bundle."),
    ] = None,
    capability: Annotated[
        list[str] | None, typer.Option("--capability", help="For RTX: 8.0, 8.6, 8.9, 12.0 ...; several may be given.")
    ] = None,
    batch: Annotated[str, typer.Option("--batch", metavar="MIN,OPT,MAX", help="Clips at once.")] = "1,1,4",
    time: Annotated[str, typer.Option("--time", metavar="MIN,OPT,MAX", help="Frames of a clip.")] = "1,16,64",
    strip: Annotated[bool, typer.Option("--strip-weights", help="Leave the weights to the ONNX file.")] = False,
    compatible: Annotated[
        bool, typer.Option("--version-compatible", help="Let later versions of TensorRT run it too.")
    ] = False,
) -> None:
    """Build TensorRT engines of a bundle: for RTX GPUs, or for the GPU of this machine."""
    from slimaffect.export.engines import build_engines, sizes
    from slimaffect.export.tables import engine_table

    with shown_bars() as watch:
        built = build_engines(
            bundle,
            out or bundle.parent / f"{bundle.name}.engines",
            to=to,
            capabilities=tuple(capability or ()),
            profile=sizes(batch, time),
            strip=strip,
            compatible=compatible,
            watch=watch,
        )
    console.print(engine_table(built))


@bundle_app.command("show")
def bundle_show(bundle: BundlePath) -> None:
    """Verify a bundle, and say what it is, how good, how fast and how made."""
    from slimaffect.runtime.bundle import verified
    from slimaffect.runtime.tables import bundle_table

    console.print(bundle_table(bundle, verified(bundle)))


@bundle_app.command("key")
def bundle_key(
    key: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the private key.")],
) -> None:
    """Make a key pair to sign bundles with: FILE, and FILE.pub for those who verify."""
    from slimaffect.runtime.signing import new_key

    console.print(f"{key}: keep it to yourself. {new_key(key)}: give it to whoever verifies your bundles.")


@bundle_app.command("sign")
def bundle_sign(
    bundle: BundlePath,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Your private key (slim bundle key FILE).")],
) -> None:
    """Verify a bundle and sign it with Ed25519, as bundle.sig inside it."""
    from slimaffect.runtime.signing import sign

    console.print(f"{sign(bundle, key)}: signed.")


@bundle_app.command("verify")
def bundle_verify(
    bundle: BundlePath,
    signer: Annotated[
        Path | None, typer.Option("--signer", metavar="FILE.pub", help="Whose signature it must bear.")
    ] = None,
) -> None:
    """Check every file of a bundle against its hash, and its signature where it has one or must have one."""
    from slimaffect.runtime.bundle import verified
    from slimaffect.runtime.signing import SIGNATURE
    from slimaffect.runtime.signing import signer as signer_of

    if signer is None and not (bundle / SIGNATURE).exists():
        console.print(f"{bundle}: {len(verified(bundle).files)} files as they were exported. It is not signed.")
        return
    manifest, who = signer_of(bundle, signer)
    whose = "the signer you named" if signer else "somebody: name whom you trust with --signer"
    console.print(f"{bundle}: {len(manifest.files)} files as they were signed by {who[:16]}..., {whose}.")


def _runtime(name: str) -> 'Runtime | Literal["auto", "declared"]':
    from slimaffect.runtime.session import EVERY

    known = ("auto", "declared", *EVERY)
    if name not in known:
        raise BundleError(f"{name!r} is no runtime; it must be one of {', '.join(known)}.")
    return cast("Runtime", name)
