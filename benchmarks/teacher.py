"""How many frames a second a teacher answers on one core: as it was trained, and as `distill` asks it.

    python benchmarks/teacher.py
    python benchmarks/teacher.py --quick --json FILE

The shape `reference` with random weights answers the same 256 frames in float32, both forms in turn, in CPU time of
this process; `frozen` is `slimaffect.model.frozen`. What it costs in digits is told too.

On 27 November 2026, one core of an AMD EPYC virtual machine with AVX2 and other work beside it
(results/reference/teacher.json): 2,192 frames as trained, 3,470 frozen, 1.58 times as many; features 2e-8 apart.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library makes its pool of threads

import torch
from shared.where import where

from slimaffect.model.frozen import frozen
from slimaffect.model.net import AffectNet
from slimaffect.model.shapes import shape

FRAMES = 256


def main() -> None:
    """Time both forms in turn, print the median rates, and write the record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 15")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    net = AffectNet(shape("reference")).eval().requires_grad_(requires_grad=False)
    forms, frames = {"as trained": net, "frozen": frozen(net)}, torch.rand(FRAMES, 3, 48, 48)
    away = (forms["frozen"].encode(frames) - net.encode(frames)).abs().max().item()
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    for number in range(3 if asked.quick else 15):
        for name, form in list(forms.items())[:: 1 if number % 2 else -1]:
            before = time.process_time()
            form.encode(frames)
            seconds[name].append(time.process_time() - before)
    rates = {name: FRAMES / sorted(taken)[len(taken) // 2] for name, taken in seconds.items()}
    for name, rate in rates.items():
        print(f"{name}: {rate:,.0f} frames a CPU-second")
    print(f"frozen over as trained: {rates['frozen'] / rates['as trained']:.2f}; features {away:.1e} apart at most")
    if asked.json:
        asked.json.write_text(json.dumps({**where(), "frames_per_cpu_s": rates, "away": away}, indent=1) + "\n")


if __name__ == "__main__":
    main()
