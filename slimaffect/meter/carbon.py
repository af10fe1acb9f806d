"""Grams of CO2 of joules: only where the user says where the electricity comes from. No network, no guessing.

Yearly averages of a country's electricity, location-based and not marginal; sources differ by a quarter for the same
country and year, so the record keeps value, year and source.
"""

import csv
import difflib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slimaffect.errors import EnergyError

TABLE = Path(__file__).with_name("carbon.csv")
J_PER_KWH = 3.6e6
MOST_G = 2000.0  # per kWh: above what burning lignite emits


@dataclass(frozen=True)
class Intensity:
    """Grams of CO2 equivalent for each kilowatt-hour, and who says so."""

    g_per_kwh: float
    year: int | None
    source: str
    pue: float = 1.0  # energy of the building over energy of its computers; 1.0: the computers alone


def intensity(region: str | None = None, given: float | None = None, *, pue: float = 1.0) -> Intensity | None:
    """Take the user's figure, or look the user's country up; None where neither is given.

    Args:
        region: ISO 3166 code of three letters, such as DEU.
        given: grams of CO2 equivalent per kWh.
        pue: power usage effectiveness of the building.

    Raises:
        EnergyError: no such region in the table, or a figure that cannot be.
    """
    if not 1 <= pue < 5:
        raise EnergyError(f"--pue is {pue:g}; a building uses 1 to some 2 times what its computers use, e.g. 1.2.")
    if given is not None:
        if not 0 < given <= MOST_G:
            raise EnergyError(f"--carbon-intensity is {given:g} g/kWh; it lies above 0 and at {MOST_G:g} at most.")
        return Intensity(given, None, "given", pue)
    if region is None:
        return None
    table = intensities()
    if region.upper() not in table:
        close = difflib.get_close_matches(region.upper(), table, n=1)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise EnergyError(
            f"--region {region!r} is no country of the table (ISO 3166, three letters, such as DEU).{meant} "
            "Or give --carbon-intensity in g/kWh."
        )
    year, grams, source = table[region.upper()]
    return Intensity(grams, year, f"{source}, {region.upper()}", pue)


def intensities() -> dict[str, tuple[int, float, str]]:
    """Read the table: country -> year, grams per kWh, source."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        return {row["iso3"]: (int(row["year"]), float(row["g_per_kwh"]), row["source"]) for row in csv.DictReader(file)}


def carbon_of(joules: float | None, at: Intensity | None) -> dict[str, Any]:
    """Give the record's block; all null without a region, and no grams without joules.

    >>> carbon_of(3.6e6, Intensity(400.0, 2024, "given", pue=1.5))["co2e_g"]
    600.0
    >>> carbon_of(3.6e6, None)["co2e_g"] is None
    True
    """
    if at is None:
        return dict.fromkeys(("co2e_g", "g_per_kwh", "year", "source", "pue"))
    return {"co2e_g": None if joules is None else joules / J_PER_KWH * at.pue * at.g_per_kwh, **asdict(at)}
