"""The `slim` commands; no logic. Heavy rooms are imported inside a command, so that `slim --help` is quick."""

import os
import sys
import traceback
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer
from rich.console import Console

from slimaffect import __version__
from slimaffect.errors import BundleError, DataError, RecipeError, SlimError, VideoError

if TYPE_CHECKING:
    from slimaffect.bars import Watch
    from slimaffect.data import DataSettings
    from slimaffect.run import Places
    from slimaffect.runtime.session import Runtime

STOPPED = 130  # what a shell reports after Ctrl-C

console = Console()
complaints = Console(stderr=True)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Make affect models cheap without making them worse.\n\n"
    "A recipe names the data, the model and the steps; [bold]slim run[/bold] trains and scores it leave-one-site-out, "
    "exports what deploys, and writes a Pareto report.\n\n"
    "Start with: [bold]slim run recipes/distill.yaml[/bold]",
)
data_app = typer.Typer(no_args_is_help=True, help="Make and look at datasets.")
cache_app = typer.Typer(no_args_is_help=True, help="See and clear what earlier runs keep for later ones.")
bundle_app = typer.Typer(no_args_is_help=True, help="Look at what a run exported.")
app.add_typer(data_app, name="data")
app.add_typer(bundle_app, name="bundle")
app.add_typer(cache_app, name="cache")

RecipePath = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of a shipped one.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a setting: --set train.epochs=2")
]
DataPath = Annotated[
    str | None, typer.Option("--data", metavar="PATH", help="Use this dataset instead of the recipe's.")
]
CachePath = Annotated[
    Path | None, typer.Option("--cache", metavar="PATH", help="Where prepared faces and finished tasks are kept.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, metavar="N", help="Processes at once; default: one per core.")
]


@app.command()
def run(
    recipe: RecipePath,
    overrides: Overrides = None,
    data: DataPath = None,
    workers: Workers = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do everything anew, ignoring finished tasks.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop if any recording is set aside.")] = False,
    cache: CachePath = None,
    results: Annotated[Path, typer.Option("--results", metavar="PATH", help="Folder for results.")] = Path("results"),
) -> None:
    """Run a recipe: slim, score leave-one-site-out, export, measure, report.

    Stop it with Ctrl-C whenever you like: what is finished is kept, and the same command goes on from there.
    """
    from slimaffect.recipe import load_recipe
    from slimaffect.report import print_report, write_report
    from slimaffect.run import Places, run_recipe, show_plan

    loaded = load_recipe(recipe, overrides=_with_workers(overrides, workers), data=data)
    places = Places.choose(cache=cache, results=results)
    if dry_run:
        show_plan(loaded, places, console)
        return
    name = Path(recipe).stem
    result = run_recipe(loaded, name, places, console, fresh=fresh, strict=strict)
    page = write_report([result], places.result(name, loaded))
    print_report(console, [result])
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)


@app.command()
def check(
    recipes: Annotated[list[str] | None, typer.Argument(metavar="RECIPE...", help="Recipe files or names.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the resolved recipe and the plan.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of recipes, for editors.")] = False,
    overrides: Overrides = None,
    data: DataPath = None,
    cache: CachePath = None,
) -> None:
    """Check recipes without running them: every fault at once, with its line."""
    from slimaffect.recipe import load_recipe, recipe_schema, resolved_yaml

    if schema:
        import json

        typer.echo(json.dumps(recipe_schema(), indent=2))
        return
    if not recipes:
        raise typer.BadParameter("name at least one recipe, or ask for --schema")
    faults = []
    for path in recipes:
        try:
            loaded = load_recipe(path, overrides=overrides or (), data=data)
        except RecipeError as error:
            faults += error.faults
            continue
        count = len(loaded.variants)
        console.print(f"[green]ok[/green] {path}: {count} variant{'' if count == 1 else 's'}", highlight=False)
        if show:
            from rich.syntax import Syntax

            from slimaffect.run import Places, show_plan

            console.print(Syntax(resolved_yaml(loaded), "yaml", background_color="default"))
            show_plan(loaded, Places.choose(cache=cache), console)
    if faults:
        raise RecipeError(faults)


@app.command()
def steps(
    name: Annotated[str | None, typer.Argument(metavar="STEP", help="Show the settings of this step alone.")] = None,
) -> None:
    """List the steps a recipe can use, and their settings."""
    from slimaffect.recipe import step_tables

    for table in step_tables(name):
        console.print(table)


@app.command()
def report(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Folders or result.json files of finished runs.")
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FOLDER", help="Where to write; default: beside a single result, else results/report."
        ),
    ] = None,
) -> None:
    """Write the Pareto report of one result, or of several on one front."""
    from slimaffect.report import print_report, write_report
    from slimaffect.result import read_result

    read = [read_result(path) for path in results]
    folder = to or (_folder_of(results[0]) if len(results) == 1 else Path("results/report"))
    page = write_report(read, folder)
    print_report(console, read)
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)


BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder: results/.../bundles/NAME")]


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

    opened = Predictor.load(bundle, runtime=_runtime(runtime), complain=_complain).session.runtime
    listed = jobs(videos, out, How(bundle, opened, face_model, plot, overlay))
    with _bars() as watch:
        done = partial(each, workers=workers or _cores())
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


@data_app.command()
def synthesise(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder to write the dataset into.")],
    subjects: Annotated[int | None, typer.Option(min=4, help="Subjects over all sites.")] = None,
    seconds: Annotated[float | None, typer.Option(min=2, help="Length of each recording in seconds.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed draws other people.")] = None,
    workers: Workers = None,
) -> None:
    """Draw the synthetic dataset: faces in real video files, at four sites, with valence and arousal."""
    from slimaffect.data.synthetic import SyntheticSettings, synthesise

    given = {"subjects": subjects, "seconds": seconds, "seed": seed}
    settings = SyntheticSettings.model_validate({name: value for name, value in given.items() if value is not None})
    with _bars() as watch:
        synthesise(path, settings, workers=workers or _cores(), watch=watch)
    console.print(f"Dataset: {path}", highlight=False, soft_wrap=True)


@data_app.command("import")
def import_(
    layout: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT", help="afew-va, aff-wild2, recola, avec-recola, avec-sewa, omg, multisite or manifest."
        ),
    ],
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The dataset as it was published.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="A new folder, in the layout that recipes read.")],
    options: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="A setting of the format: docs/importing.md"),
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy videos instead of linking to them.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything is set aside.")] = False,
) -> None:
    """Bring a published dataset or your own tables into the layout that recipes read. Videos are linked."""
    from slimaffect.data.importers import import_dataset, options_of
    from slimaffect.report.terminal import problem_table
    from slimaffect.result import ProblemRecord

    given = options_of(options or []) | ({"copy_media": True} if copy else {})
    imported = import_dataset(layout, source, target, options=given)
    console.print(f"{len(imported.recordings)} recordings in {imported.root}", highlight=False, soft_wrap=True)
    if imported.problems:
        console.print(problem_table([ProblemRecord(**problem.as_dict()) for problem in imported.problems]))
    for line in imported.advice:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if strict and imported.problems:
        raise typer.Exit(DataError.exit_code)


DatasetPath = Annotated[Path, typer.Argument(metavar="DATASET", help="A dataset in the layout that recipes read.")]
DataOverrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Read it as a recipe would: --set data.detector=none"),
]


@data_app.command("check")
def data_check(
    path: DatasetPath,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="PAGE.html", help="Write the findings as a page too.")
    ] = None,
    allow_uneven: Annotated[
        bool, typer.Option("--allow-uneven", help="Accept sites whose face coverage differs by more than 5 points.")
    ] = False,
    overrides: DataOverrides = None,
    workers: Workers = None,
    cache: CachePath = None,
) -> None:
    """Say what a dataset holds and what is wrong with it: labels, faces, copies, delays, leaks."""
    from slimaffect.data.check import check_dataset, check_tables, refuse_uneven, write_check

    with _bars() as watch:
        settings = _settings(path, overrides)
        found = check_dataset(settings, _places(cache).cache, workers=workers or _cores(), watch=watch)
    for table in check_tables(found):
        console.print(table)
    if to:
        console.print(f"Page: {write_check(found, to)}", highlight=False, soft_wrap=True)
    if not allow_uneven:
        refuse_uneven(found)


@data_app.command("plan")
def data_plan(
    path: DatasetPath,
    sample: Annotated[int, typer.Option(min=1, help="Recordings to try.")] = 8,
    overrides: DataOverrides = None,
    workers: Workers = None,
    cache: CachePath = None,
) -> None:
    """Predict hours, disk and memory of preparing a dataset, from a few of its recordings."""
    from slimaffect.data.plan import plan_dataset, plan_table

    with _bars() as watch:
        found = plan_dataset(
            _settings(path, overrides), _places(cache).cache, workers=workers or _cores(), sample=sample, watch=watch
        )
    console.print(plan_table(found))


@data_app.command("show")
def data_show(
    path: DatasetPath,
    recording: Annotated[str, typer.Argument(metavar="RECORDING", help="site/subject/recording")],
    to: Annotated[
        Path, typer.Argument(metavar="PICTURE.png", help="Where to write. It shows a face: keep it private.")
    ],
    overrides: DataOverrides = None,
    cache: CachePath = None,
) -> None:
    """Draw a recording's faces and its affect over time, for a person to look at."""
    from slimaffect.data.show import show_recording

    shown = show_recording(_settings(path, overrides), _places(cache).cache, recording, to)
    console.print(f"Picture: {shown}", highlight=False, soft_wrap=True)


@cache_app.command("show")
def cache_show(cache: CachePath = None) -> None:
    """Show what is kept, where, and how large it is."""
    _places(cache).show(console)


@cache_app.command("clear")
def cache_clear(
    what: Annotated[str, typer.Argument(help="tasks, prepared, datasets or all")] = "tasks",
    cache: CachePath = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete finished tasks, prepared faces or synthetic datasets; results stay."""
    places = _places(cache)
    if yes or typer.confirm(f"Delete {what} under {places.cache}?"):
        console.print(f"Freed {places.clear(what):.1f} MB.")


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"slimaffect {__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; say errors in a sentence, and end with the exit code that scripts can act on.

    0 done; 1 something failed; 2 a recipe or an option is wrong; 3 the data is refused; 130 stopped by Ctrl-C.
    """
    try:
        app()
    except SlimError as error:
        complaints.print("[bold red]error[/bold red] ", end="")
        complaints.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == STOPPED:
            complaints.print("\nStopped. What is finished is kept: the same command goes on from here.")
        raise
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        complaints.print(
            f"[bold red]error[/bold red] {error.strerror or error}{where}", highlight=False, soft_wrap=True
        )
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  a defect of ours: say so, keep the traceback in a file
        log = _keep_traceback()
        complaints.print(
            f"[bold red]defect[/bold red] {type(error).__name__}: {error}", markup=True, highlight=False, soft_wrap=True
        )
        complaints.print(f"This is a fault of slimaffect. Please report it with {log}", highlight=False, soft_wrap=True)
        sys.exit(1)


def _keep_traceback() -> Path:
    from platformdirs import user_cache_path

    log = user_cache_path("slimaffect") / "last-defect.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(traceback.format_exc())
    return log


def _runtime(name: str) -> 'Runtime | Literal["auto"]':
    from slimaffect.runtime.session import RUNTIMES

    if name not in ("auto", *RUNTIMES):
        raise BundleError(f"{name!r} is no runtime; it must be one of auto, {', '.join(RUNTIMES)}.")
    return cast("Runtime", name)


def _complain(sentence: str) -> None:
    complaints.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _places(cache: Path | None) -> "Places":
    from slimaffect.run import Places

    return Places.choose(cache=cache)


def _settings(path: Path, overrides: list[str] | None) -> "DataSettings":
    from slimaffect.data import DataSettings

    if not overrides:
        return DataSettings(source=str(path))
    from slimaffect.recipe import load_recipe

    return load_recipe("baseline", overrides=overrides, data=str(path.absolute())).data


def _bars() -> "AbstractContextManager[Watch]":
    from slimaffect.bars import bars

    return bars(console)


def _cores() -> int:
    return os.cpu_count() or 1


def _with_workers(overrides: list[str] | None, workers: int | None) -> list[str]:
    return [*(overrides or ()), *([f"execution.workers={workers}"] if workers else ())]


def _folder_of(result: Path) -> Path:
    return result.parent if result.is_file() else result


if __name__ == "__main__":
    main()
