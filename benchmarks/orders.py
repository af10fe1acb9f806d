"""What does each step of `subset, distill, prune, quantise` contribute, and does their order matter?

    python benchmarks/orders.py --quick
    python benchmarks/orders.py --clips FOLDER --workers 16 --device cuda --train-only --work WORK   # with a GPU
    python benchmarks/orders.py --table --work WORK --json results/reference/orders.json              # where it deploys

Arms, each on all four folds with 3 seeds, compared with the full chain on the same resampled subjects:

- full: the chain of recipes/slim.yaml;
- without subset, without distill, ...: the same with one step left out (without distill, the reference model itself is
  pruned to the multiply-accumulates that the full chain ends with);
- prune first, subset last, ...: the same steps in another order. `quantise` stays last: a rounded model is not trained.

CPU-s is what training one fold with one seed took, everything before it included. Scores come from the exported file.
"""

import json
import sys
from pathlib import Path
from typing import Any

from shared.chains import Chain, chain, clips_of, parser, score_row, screen, table, timed, train, whole
from shared.short import SHORT
from shared.where import where

from slimaffect.model.count import macs_per_frame
from slimaffect.model.shapes import shape
from slimaffect.recipe import load_recipe
from slimaffect.run.places import Places

FULL, PIXELS = "full", 48
RECIPE = Path(__file__).parent.parent / "recipes" / "slim.yaml"


def main() -> None:
    """Train what is missing, then time and compare."""
    asked, console = (
        parser(__doc__ or "", "two sites, 8 short recordings, 1 seed, two arms: does it run?").parse_args(),
        screen(),
    )
    clips = clips_of(asked, PIXELS, console)
    spec = shape("reference").model_copy(update={"pixels": clips.pixels})
    chains, seeds = arms(clips.pixels, quick=asked.quick), range(1 if asked.quick else asked.seeds)
    work = asked.work or Places.choose().cache / "orders" / clips.fingerprint[:12]
    if not asked.table:
        train(chains, spec, clips, list(seeds), asked, work)
    found = whole([one.name for one in chains], clips.sites, list(seeds), work)
    times = {} if asked.train_only else timed(found, work, clips, {}, 0.1 if asked.quick else 1.0)[0]
    rows = [score_row(name, jobs, found[FULL], work) | times.get(name, {}) for name, jobs in found.items()]
    console.print(table(rows, FULL, {}))
    if asked.json:
        asked.json.write_text(
            json.dumps({**where(), "what": (__doc__ or "").splitlines()[0], "rows": rows}, indent=1) + "\n"
        )


def arms(pixels: int, *, quick: bool) -> list[Chain]:
    """List the chains; what `slim.yaml` says of each step is said of it wherever it stands."""
    told = lines(quick=quick)
    subset, train_, distill, prune, quantise = (told[w] for w in ("subset", "train", "distill", "prune", "quantise"))
    straight = {"prune": {**prune["prune"], "until": {"macs": share_of_reference(told, pixels)}}}
    full = chain(FULL, subset, train_, distill, prune, quantise)
    if quick:
        return [full, chain("without prune", subset, train_, distill, quantise)]
    return [
        full,
        chain("without subset", train_, distill, prune, quantise),
        chain("without distill", subset, train_, straight, quantise),
        chain("without prune", subset, train_, distill, quantise),
        chain("without quantise", subset, train_, distill, prune),
        chain("subset after train", train_, subset, distill, prune, quantise),
        chain("prune, then distill", subset, train_, halved(prune), distill, prune, quantise),
        chain("distill last", subset, train_, straight, self_taught(distill), quantise),
        chain("train alone", train_),
    ]


def lines(*, quick: bool) -> dict[str, dict[str, Any]]:
    """Read the steps of the recipe's full chain, as lines."""
    steps = load_recipe(RECIPE).variants[-1].steps
    told = {step.name: {step.name: step.model_dump(mode="json", exclude_unset=True)} for step in steps}
    if quick:
        for name in ("train", "distill"):
            told[name][name] |= SHORT
        told["prune"]["prune"] |= {"within": 0.5, "retrain": {"epochs": 0}}
    return told


def share_of_reference(told: dict[str, dict[str, Any]], pixels: int) -> float:
    """Say which share of the reference model's work is left at the chain's end, so that arms end equally cheap."""
    whole_, student = (
        macs_per_frame(shape(name).model_copy(update={"pixels": pixels}))
        for name in ("reference", told["distill"]["distill"]["student"])
    )
    return told["prune"]["prune"]["until"]["macs"] * student / whole_


def halved(prune: dict[str, Any]) -> dict[str, Any]:
    """Cut the teacher to a half before it teaches."""
    return {"prune": {**prune["prune"], "until": {"macs": 0.5}, "round_to": 8}}


def self_taught(distill: dict[str, Any]) -> dict[str, Any]:
    """Let a model teach a fresh one of its own shape."""
    return {"distill": {**distill["distill"], "student": {"auto": {"macs": 1.0}}}}


if __name__ == "__main__":
    sys.exit(main())
