"""What `slim predict` and `slim bundle show` print."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from slimaffect.runtime.bundle import Manifest
from slimaffect.runtime.job import Outcome

STAGES = ("decode", "faces", "crop", "model")
DASH = "-"


def outcome_table(outcomes: Sequence[Outcome]) -> Table:
    """A line for each video that was read, and one for all: how fast, and where the time went."""
    shown = _table("video", ">video", ">with a face", ">x real time", *(f">{stage}" for stage in (*STAGES, "rest")))
    read = [outcome for outcome in outcomes if not outcome.why_not]
    for outcome in read:
        name = f"{outcome.video.name}{' (finished before)' if outcome.kept else ''}"
        shown.add_row(escape(name), *_figures([outcome]))
    if len(read) > 1:
        shown.add_section()
        shown.add_row("all", *_figures(read))
    return shown


def fault_table(outcomes: Sequence[Outcome]) -> Table:
    """List what could not be read and why, and what was read in part."""
    shown = _table("video", "what is wrong, and what to do")
    for outcome in outcomes:
        for sentence in (outcome.why_not, *outcome.notes):
            if sentence:
                shown.add_row(escape(str(outcome.video)), escape(sentence.removeprefix(f"{outcome.video}: ")))
    return shown


def _figures(outcomes: Sequence[Outcome]) -> list[str]:
    video_s, wall_s = (sum(getattr(one, name) for one in outcomes) for name in ("video_s", "wall_s"))
    ticks, faces = (sum(getattr(one, name) for one in outcomes) for name in ("ticks", "faces"))
    spent = [sum(one.stages.get(stage, 0.0) for one in outcomes) for stage in STAGES]
    shares = [f"{part / wall_s:.0%}" for part in (*spent, wall_s - sum(spent))] if wall_s else [DASH] * 5
    speed = f"{video_s / wall_s:.1f}" if wall_s else DASH
    return [f"{video_s:.1f} s", f"{faces / ticks:.0%}" if ticks else DASH, speed, *shares]


def bundle_table(folder: Path, manifest: Manifest) -> Table:
    """What a bundle is, how good, how fast, how made."""
    shown = Table(box=None, show_header=False, pad_edge=False, title=escape(str(folder)), title_justify="left")
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, told in (*_what(manifest), *_how_good(manifest), *_how_fast(manifest), *_how_made(manifest)):
        shown.add_row(name, escape(told))
    return shown


def _what(manifest: Manifest) -> list[tuple[str, str]]:
    spec, asked = manifest.spec, manifest.preprocessing
    cnn, lstm = spec.get("cnn", {}), spec.get("lstm", {})
    layers = f"LSTM of {lstm.get('layers')} x {lstm.get('hidden')}" if lstm.get("layers") else "no LSTM"
    files = [f"{name} ({entry.bytes / 1e6:.2f} MB)" for name, entry in manifest.files.items()]
    return [
        ("model", f"{cnn.get('kind', DASH)} CNN, {layers}: {' and '.join(manifest.affect)} in [-1, 1]"),
        ("reads", f"faces of {asked.pixels} pixels, {asked.rate_hz:g} a second, found by {asked.detector}"),
        ("files", ", ".join(files)),
    ]


def _how_good(manifest: Manifest) -> list[tuple[str, str]]:
    scores = manifest.scores
    if not scores or not isinstance(scores.get("ccc"), int | float):
        return [("scored", f"{DASH} (it was not scored)")]
    interval = scores.get("ccc_interval")
    span = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
    parts = [f"{name} {scores[f'ccc_{name}']:.3f}" for name in manifest.affect if scores.get(f"ccc_{name}") is not None]
    worst = f"; lowest at {scores['worst_site']}" if scores.get("worst_site") else ""
    return [("scored", f"CCC {scores['ccc']:.3f}{span} on sites held out; {', '.join(parts)}{worst}")]


def _how_fast(manifest: Manifest) -> list[tuple[str, str]]:
    chosen = manifest.chosen
    clip = f"{chosen.clip_ms:.3f} ms a clip on one thread where it was made" if chosen.clip_ms else "not timed"
    away = manifest.files[chosen.file].about.get("away_from_torch") if chosen.file in manifest.files else None
    exact = f"; at most {away['largest']:.2g} from torch on {away['compared']}" if away else ""
    stream = chosen.stream or f"{DASH} ({chosen.file} reads single frames)"
    return [("runs", f"{chosen.file} in {chosen.runtime}: {clip}{exact}"), ("streams", stream)]


def _how_made(manifest: Manifest) -> list[tuple[str, str]]:
    made: dict[str, Any] = manifest.provenance
    steps = " -> ".join(str(next(iter(step))) for step in made.get("steps", []) if step) or DASH
    versions = ", ".join(f"{name} {version}" for name, version in made.get("versions", {}).items())
    origin = [f"{word} {str(made[key])[:12]}" for word, key in
              (("recipe", "recipe_sha256"), ("data", "data_fingerprint"), ("seed", "seed")) if key in made]  # fmt: skip
    return [("made by", steps), ("from", ", ".join(origin) or DASH), ("with", versions or DASH)]


def _table(*titles: str) -> Table:
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in titles:
        shown.add_column(title.removeprefix(">"), justify="right" if title[0] == ">" else "left", overflow="fold")
    return shown
