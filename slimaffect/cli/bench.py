"""`slim bench` and `slim doctor`: what a model costs here, and what this machine can measure."""

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from slimaffect.cli.common import CachePath, CarbonIntensity, Pue, Region, app, console, places_of, shown_bars


@app.command()
def bench(
    models: Annotated[list[Path], typer.Argument(metavar="BUNDLE...", help="Bundles, or any .onnx files beside them.")],
    scenario: Annotated[str, typer.Option("--scenario", help="clip, offline or stream30.")] = "clip",
    frames: Annotated[int, typer.Option(min=1, help="Frames of a clip.")] = 16,
    batch: Annotated[int, typer.Option(min=1, help="Clips at once in offline.")] = 32,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the runtime.")] = 1,
    runtime: Annotated[str, typer.Option("--runtime", help="auto, openvino or onnxruntime.")] = "auto",
    seconds: Annotated[float, typer.Option(min=0.5, help="Of measuring, over all processes.")] = 60.0,
    processes: Annotated[int, typer.Option(min=1, help="Fresh processes; 5 or more for a verdict.")] = 6,
    require: Annotated[str, typer.Option("--require", help="any, or measured: refuse to model joules.")] = "any",
    region: Region = None,
    carbon_intensity: CarbonIntensity = None,
    pue: Pue = 1.0,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the record.")] = None,
) -> None:
    """Measure latency, CPU time and joules of models side by side, in fresh processes.

    All are compared with the first, and the first with a second copy of itself: a difference within what a model
    differs from itself is called none.
    """
    from slimaffect.measure.bench.bench import bench as measured
    from slimaffect.measure.bench.entries import Scenario, Setting, entries_of
    from slimaffect.measure.bench.show import bench_table, sentences
    from slimaffect.meter.carbon import intensity
    from slimaffect.runtime.session import Runtime

    chosen = cast("Scenario", _one_of("--scenario", scenario, ("clip", "offline", "stream30")))
    opened = cast("Runtime | Literal['auto']", _one_of("--runtime", runtime, ("auto", "openvino", "onnxruntime")))
    only_measured = _one_of("--require", require, ("any", "measured")) == "measured"
    with shown_bars() as watch:
        told = measured(
            entries_of(models, opened),
            Setting(chosen, frames, batch, threads),
            seconds=seconds,
            processes=processes,
            require_measured=only_measured,
            carbon=intensity(region, carbon_intensity, pue=pue),
            watch=watch,
        )
    console.print(bench_table(told))
    for sentence in sentences(told):
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)
    if json:
        told.write(json)


@app.command()
def doctor(cache: CachePath = None) -> None:
    """Say what this machine can run and measure, and what to do about the rest."""
    from slimaffect.run.doctor import doctor_tables

    for table in doctor_tables(places_of(cache)):
        console.print(table)


def _one_of(option: str, said: str, known: tuple[str, ...]) -> str:
    if said not in known:
        raise typer.BadParameter(f"{option} is {said!r}; it must be one of {', '.join(known)}.")
    return said
