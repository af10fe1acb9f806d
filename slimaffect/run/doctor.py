"""What this machine can run and measure, and what to do about the rest."""

import importlib.util
import os
import shutil
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from slimaffect.meter.probe import Backend, backends
from slimaffect.packages import installed
from slimaffect.run.environment import processor
from slimaffect.run.places import Places

RUNTIMES = {
    "onnxruntime": ("ONNX Runtime", ("onnxruntime-gpu", "onnxruntime"), "pip install onnxruntime"),
    "openvino": ("OpenVINO", ("openvino",), "pip install openvino"),
    "tensorrt_rtx": ("TensorRT-RTX, builds engines", ("tensorrt-rtx-cu13",), "pip install tensorrt-rtx-cu13"),
    "tensorrt": ("TensorRT", ("tensorrt",), "pip install 'slimaffect[tensorrt]'"),
    "av": ("PyAV, decodes videos", ("av",), "pip install av"),
}


def doctor_tables(places: Places) -> list[Table]:
    """Describe runtimes and devices, energy counters, and where things are kept."""
    return [_runs(), energy_table(backends()), _kept(places)]


def energy_table(found: list[Backend]) -> Table:
    """A line for each back-end of the meter: found, or why not and the cure."""
    table = _table("energy", "", "what it says", "what to do")
    for one in found:
        state = f"[green]{one.provenance}[/green]" if one.found else "missing"
        table.add_row(one.name, state, escape(one.note or one.why), escape(one.cure) or "-")
    return table


def _runs() -> Table:
    table = _table("runs", "", "what it says", "what to do")
    for module, (name, packages, cure) in RUNTIMES.items():
        there = importlib.util.find_spec(module) is not None
        told = next((f"{one} {found}" for one in packages if (found := installed(one))), "")
        state = "[green]found[/green]" if there else "missing"
        table.add_row(name, state, told or ("-" if there else "not installed"), "-" if there else escape(cure))
    table.add_row("torch", *_torch())
    cores = f"{processor() or 'an unknown processor'}, {os.cpu_count()} cores"
    table.add_row("CPU", "[green]found[/green]", escape(cores), "-")
    return table


def _torch() -> tuple[str, str, str]:
    import torch

    from slimaffect.train.learner import bfloat16_pays

    told = f"torch {torch.__version__}"
    if torch.cuda.is_available():
        return "[green]found[/green]", f"{told}, trains on {torch.cuda.get_device_name(0)}", "-"
    cure = "for a GPU: install NVIDIA's driver and a torch built for CUDA"
    kind = "bfloat16" if bfloat16_pays(torch.device("cpu")) else "float32, for it does not multiply bfloat16"
    return "[green]found[/green]", f"{told}, trains on the CPU in {kind}", cure


def _kept(places: Places) -> Table:
    table = _table("kept", "", "what it says", "what to do")
    there = _nearest(places.cache)
    free_gb = shutil.disk_usage(there).free / 1e9
    cure = "-" if free_gb > 1 else "clear it (slim cache clear), or name another folder with --cache"
    state = "[green]found[/green]" if places.cache.exists() else "not yet made"
    table.add_row("cache", state, escape(f"{places.cache}, {free_gb:.1f} GB free"), cure)
    return table


def _nearest(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == headings[0])
    return table
