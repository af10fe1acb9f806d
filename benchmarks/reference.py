"""Are the slim counterparts of a million-parameter baseline as good as it, and how much faster are they?

    python benchmarks/reference.py --quick
    python benchmarks/reference.py --clips FOLDER --workers 16 --device cuda --train-only --work WORK   # with a GPU
    python benchmarks/reference.py --table --work WORK --json results/reference/reference.json       # where it deploys

Runs every variant of recipes/reference on four folds with 3 seeds. As good as the baseline means: the lower end of the
paired 95 % interval over subjects lies above -0.03 mean CCC. Times are of the exported file of the first fold on one
core, a 16-frame clip, interleaved, process CPU time; the baseline also runs in torch eager, as its user would run it.
`docs/reference.md` tells what one seed gave (28 November 2026).
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

import numpy as np
import torch
from shared.chains import Chain, Job, chain, clips_of, parser, score_row, screen, table, timed, train, whole
from shared.short import SHORT
from shared.where import where

from slimaffect.data import Clips
from slimaffect.model.net import AffectNet
from slimaffect.model.spec import ModelSpec
from slimaffect.recipe import BASELINE, load_recipe
from slimaffect.run.places import Places

RECIPES = Path(__file__).parent.parent / "recipes" / "reference"
NAMES = ("quantise", "longer", "distill", "prune", "slim")
INT8, EAGER, FASTEST = "quantise-int8", "torch eager", "its own int8"
CLIP_FRAMES = 16


def main() -> None:
    """Train what is missing, then time and compare."""
    options = parser(__doc__ or "", "two sites, 8 short recordings, 1 seed, two variants")
    options.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="RECIPE", help="only these recipes")
    asked, console = options.parse_args(), screen()
    recipe = load_recipe(RECIPES / "baseline.yaml")
    clips = clips_of(asked, recipe.data.pixels, console)
    chains = quick_variants() if asked.quick else variants(asked.only)
    seeds = list(range(1 if asked.quick else asked.seeds))
    work = asked.work or Places.choose().cache / "reference" / clips.fingerprint[:12]
    if not asked.table:
        train(chains, recipe.spec, clips, seeds, asked, work)
    found = whole([one.name for one in chains], clips.sites, seeds, work)
    times, eager_ms = ({}, None) if asked.train_only else time_all(found, recipe.spec, work, clips, quick=asked.quick)
    rows = [score_row(name, jobs, found[BASELINE], work) | times.get(name, {}) for name, jobs in found.items()]
    compared = {EAGER: eager_ms, FASTEST: times.get(INT8, {}).get("clip_ms")}
    console.print(table(rows, BASELINE, {name: ms for name, ms in compared.items() if ms}))
    if asked.json:
        told = {
            **where(),
            "what": (__doc__ or "").splitlines()[0],
            "compared_ms": compared,
            "packed": bool(asked.clips),
        }
        asked.json.write_text(json.dumps(told | {"seeds": seeds, "rows": rows}, indent=1) + "\n")


def variants(names: Sequence[str] = NAMES) -> list[Chain]:
    """List the baseline once, and every other variant of the recipes under the recipe's name and its own."""
    found = [Chain(BASELINE, load_recipe(RECIPES / "baseline.yaml").variants[0].steps)]
    for name in names:
        own = load_recipe(RECIPES / f"{name}.yaml").variants[1:]
        many = len(own) > 1 or name == "quantise"
        found += [Chain(f"{name}-{variant.name}" if many else name, variant.steps) for variant in own]
    return found


def quick_variants() -> list[Chain]:
    """Train for seconds, to see that it runs."""
    first, int8 = {"train": SHORT}, {"quantise": {"to": "int8"}}
    return [
        chain(BASELINE, first),
        chain(INT8, first, int8),
        chain("distill-micro", first, {"distill": {"student": "micro", **SHORT}}),
    ]


def time_all(
    found: dict[str, list[Job]], spec: ModelSpec, work: Path, clips: Clips, *, quick: bool
) -> tuple[dict[str, dict[str, Any]], float]:
    """Time every chain's file, and the baseline in torch eager; its weights do not matter for that."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows, others = timed(found, work, clips, {EAGER: eager(spec)}, 0.2 if quick else 1.0)
    return rows, 1e3 * others[EAGER]["cpu_s_per_clip"]


def eager(spec: ModelSpec) -> Callable[[], object]:
    """Read a clip as a user of the torch model would: uint8 planes, no gradients."""
    net, side = AffectNet(spec).eval(), spec.pixels
    planes = np.random.default_rng(0).integers(0, 256, (1, CLIP_FRAMES, 3, side, side), dtype=np.uint8)
    clip = torch.from_numpy(planes)

    def read() -> torch.Tensor:
        with torch.inference_mode():
            return net(clip.float() / 255).affect

    return read


if __name__ == "__main__":
    sys.exit(main())
