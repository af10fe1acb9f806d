"""One training for every width, or one training each? CCC of each width, and what all of them cost together.

Two ways to four models of one build, leave-one-site-out on the default data, each compared with the other at its width
on the same resampled subjects:

- slimmable: the shape trained whole, then `slimmable`, then each width cut out by `slice` (recipes/slimmable.yaml);
- alone: a model of the very same widths, trained from fresh weights by itself, for so many epochs (--alone) that all of
  them together cost about what the one training costs. What either really cost stands in the last line. `--widths 0.25
  --alone 96` lets the narrowest alone have all of it.

Both are exported in float32; the files are scored and timed. Finished tasks are kept in --work, so it can be stopped.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from typing import Any

from shared.chains import Chain, chain, clips_of, parser, score_row, screen, table, timed, train, whole
from shared.short import SHORT
from shared.where import where

from slimaffect.model.net import AffectNet
from slimaffect.model.prune.nested import narrower
from slimaffect.model.shapes import shape
from slimaffect.model.spec import ModelSpec
from slimaffect.run.places import Places

PIXELS, WIDTHS = 48, (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Pair:
    """One width, both ways."""

    width: float
    inside: Chain
    alone: Chain
    spec: ModelSpec  # of the model that is trained alone


def main() -> None:
    """Train what is missing, then compare width by width."""
    asked, console = _options(), screen()
    clips = clips_of(asked, PIXELS, console)
    spec = shape(asked.model).model_copy(update={"pixels": clips.pixels})
    seeds = [0] if asked.quick else list(range(asked.seeds))
    work = asked.work or Places.choose().cache / "slimmable" / clips.fingerprint[:12]
    every = [one for one in pairs(spec, asked.epochs, asked.alone, quick=asked.quick) if one.width in asked.widths]
    if not asked.table:
        train([pair.inside for pair in every], spec, clips, seeds, asked, work)
        for pair in every:
            train([pair.alone], pair.spec, clips, seeds, asked, work)
    names = [one.name for pair in every for one in (pair.inside, pair.alone)]
    found = whole(names, clips.sites, seeds, work)
    times = {} if asked.train_only else timed(found, work, clips, {}, 0.1 if asked.quick else 1.0)[0]
    rows = []
    for pair in every:
        for one in (pair.inside, pair.alone):
            if pair.alone.name in found and one.name in found:
                told = score_row(one.name, found[one.name], found[pair.alone.name], work) | times.get(one.name, {})
                rows.append(told | {"width": pair.width})
    console.print(table(rows, "alone", {}))
    bill = {way: of_way(rows, way) for way in ("slimmable", "alone")}
    console.print(f"CPU-seconds of a fold: slimmable, all widths {bill['slimmable']:.0f}; alone {bill['alone']:.0f}")
    if asked.json:
        told = {name: getattr(asked, name) for name in ("model", "epochs", "alone", "widths")}
        asked.json.write_text(
            json.dumps({**where(), **told, "seeds": seeds, "cpu_s": bill, "rows": rows}, indent=1) + "\n"
        )


def _options() -> argparse.Namespace:
    options = parser(__doc__ or "", "two sites, 8 short recordings, 1 seed, trainings of seconds: does it run?")
    options.add_argument("--model", default="reference", help="its shape")
    options.add_argument("--epochs", type=int, default=12, help="of `train`, and of `slimmable` after it")
    options.add_argument("--widths", nargs="+", type=float, choices=WIDTHS, default=WIDTHS, help="only these")
    options.add_argument("--alone", type=int, default=14, help="epochs of each model that is trained alone")
    return options.parse_args()


def pairs(spec: ModelSpec, epochs: int, alone: int, *, quick: bool) -> list[Pair]:
    """List the widths, each inside the one training and alone."""
    first = {"train": SHORT if quick else {"epochs": epochs}}
    several = {"slimmable": (SHORT if quick else {"epochs": epochs}) | {"widths": WIDTHS[:-1]}}
    each = {"train": SHORT if quick else {"epochs": alone}}
    net = AffectNet(spec)
    return [
        Pair(
            width,
            chain(f"slimmable {width:g}", first, several, {"slice": {"width": width}}),
            chain(f"alone {width:g}, {alone} epochs", each),
            narrower(net, width).spec,
        )
        for width in WIDTHS
    ]


def of_way(rows: list[dict[str, Any]], way: str) -> float:
    """Add up what all widths of a way cost in a fold; widths inside one training share it.

    >>> rows = [{"chain": "alone 1, 9", "train_cpu_s": 3.0}, {"chain": "alone 0.5, 9", "train_cpu_s": 1.0}]
    >>> of_way(rows, "alone")
    4.0
    """
    spent = [row["train_cpu_s"] for row in rows if row["chain"].startswith(way)]
    return sum(spent) if way == "alone" else max(spent, default=0.0)


if __name__ == "__main__":
    sys.exit(main())
