"""`slim data`: make, import and look at datasets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slimaffect.cli.common import CachePath, Workers, app, console, cores, places_of, shown_bars
from slimaffect.errors import DataError

if TYPE_CHECKING:
    from slimaffect.data import DataSettings

data_app = typer.Typer(no_args_is_help=True, help="Make and look at datasets.")
app.add_typer(data_app, name="data")


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
    with shown_bars() as watch:
        synthesise(path, settings, workers=workers or cores(), watch=watch)
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
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything is set aside or doubtful.")] = False,
    overrides: DataOverrides = None,
    workers: Workers = None,
    cache: CachePath = None,
) -> None:
    """Say what a dataset holds and what is wrong with it: labels, faces, copies, delays, leaks."""
    from slimaffect.data.check import check_dataset, check_tables, refuse_uneven, write_check

    with shown_bars() as watch:
        settings = _settings(path, overrides)
        found = check_dataset(settings, places_of(cache).cache, workers=workers or cores(), watch=watch)
    for table in check_tables(found):
        console.print(table)
    if to:
        console.print(f"Page: {write_check(found, to)}", highlight=False, soft_wrap=True)
    if not allow_uneven:
        refuse_uneven(found)
    if strict and found.problems:
        raise typer.Exit(DataError.exit_code)


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

    with shown_bars() as watch:
        found = plan_dataset(
            _settings(path, overrides), places_of(cache).cache, workers=workers or cores(), sample=sample, watch=watch
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

    shown = show_recording(_settings(path, overrides), places_of(cache).cache, recording, to)
    console.print(f"Picture: {shown}", highlight=False, soft_wrap=True)


def _settings(path: Path, overrides: list[str] | None) -> "DataSettings":
    from slimaffect.data import DataSettings

    if not overrides:
        return DataSettings(source=str(path))
    from slimaffect.recipe import load_recipe

    return load_recipe("baseline", overrides=overrides, data=str(path.absolute())).data
