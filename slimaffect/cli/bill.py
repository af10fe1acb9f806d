"""`slim bill`: what finished results cost, and when each variant has repaid it."""

from pathlib import Path
from typing import Annotated

import typer

from slimaffect.cli.common import CarbonIntensity, Pue, Region, app, console


@app.command()
def bill(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Folders or result.json files of finished runs.")
    ],
    clips_per_day: Annotated[
        float | None, typer.Option("--clips-per-day", metavar="N", help="Say the break-even in days at this load.")
    ] = None,
    region: Region = None,
    carbon_intensity: CarbonIntensity = None,
    pue: Pue = 1.0,
) -> None:
    """Say what training and search cost (with a region also in CO2), and when each variant has repaid it."""
    from slimaffect.meter.carbon import intensity
    from slimaffect.report.bill import bill_table, repaid_table
    from slimaffect.result import read_result

    at = intensity(region, carbon_intensity, pue=pue)
    read = [read_result(path) for path in results]
    console.print(bill_table(read, at))
    for result in read:
        console.print(repaid_table(result, clips_per_day))
