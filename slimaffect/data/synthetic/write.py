"""Write the synthetic dataset to disk in the generic layout: real H.264 video and annotations beside it."""

import json
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from slimaffect.callbacks import Watch, ignore
from slimaffect.data.synthetic.affect import ANNOTATORS, annotate, draw_temper, felt, session
from slimaffect.data.synthetic.behaviour import Behaviour, behave
from slimaffect.data.synthetic.cast import Streams, Take, streams, takes
from slimaffect.data.synthetic.manner import draw_manner
from slimaffect.data.synthetic.settings import SyntheticSettings
from slimaffect.data.synthetic.signals import RATE, STEP_S
from slimaffect.data.synthetic.sites import SITES, Site, shifted
from slimaffect.data.workers import each
from slimaffect.errors import DataError
from slimaffect.files import whole

VERSION = 2  # goes up when drawing or behaviour change: recordings of another version are not kept

_DATASET = """\
# Drawn by slim: nobody in these videos exists.
name: synthetic
licence: CC0-1.0
affect_range: [-1, 1]
annotation_delay_s: 0.0
"""
_OWNER = ".synthetic.json"
_GROWS = {"subjects", "sites", "recordings"}  # a dataset may grow along these and keep what it has


def synthesise(target: Path, settings: SyntheticSettings, *, workers: int = 1, watch: Watch = ignore) -> None:
    """Draw the dataset under `target`; recordings that are finished already are kept.

    The files depend on the settings alone, not on the number of workers. `watch` hears of every recording done.

    Raises:
        DataError: `target` holds other data, or synthetic data drawn with other settings; or a worker died twice.
    """
    _claim(target, settings)
    wanted = takes(settings)
    missing = [take for take in wanted if not (target / f"{take.path}.csv").exists()]
    done = len(wanted) - len(missing)
    watch("draw", done, len(wanted))
    for take, frames in each(partial(film, target, settings), missing, workers=workers):
        if frames is None:
            raise DataError(
                f"Drawing {take.path} ended its process twice, perhaps for want of memory. "
                f"Run again with fewer workers than {workers}: finished recordings are kept."
            )
        done += 1
        watch("draw", done, len(wanted))


def film(target: Path, settings: SyntheticSettings, take: Take) -> int:
    """Make one recording and count its frames. The annotation is written last: it means that both files are whole."""
    site = shifted(SITES[take.site], settings)
    random = streams(settings.seed, take)
    times = np.arange(round(settings.seconds * site.rate)) / site.rate
    behaviour, gold, traces = live(random, settings, site)
    (target / take.path).parent.mkdir(parents=True, exist_ok=True)
    _encode(target / f"{take.path}.mp4", site, settings, behaviour.at(times), random)
    _replace(target / f"{take.path}.csv", _table(times, gold, traces))
    return len(times)


def live(
    random: Streams, settings: SyntheticSettings, site: Site
) -> tuple[Behaviour, Float[np.ndarray, "2 time"], Float[np.ndarray, "annotators 2 time"]]:
    """One session on the simulation clock: what is seen, the gold standard, and the annotators' traces."""
    time = round(settings.seconds * RATE) + 1
    tasks = session(random.affect, time)
    affect = felt(random.affect, draw_temper(random.temper), tasks[:2])
    gold, traces = annotate(random.labels, affect, site, settings.lag)
    manner = draw_manner(random.manner, settings.identity_spread)
    lived = np.concatenate([affect, tasks[2:]])
    return behave(random.behaviour, manner, lived, site, settings), gold, traces


def _encode(path: Path, site: Site, settings: SyntheticSettings, behaviour: Behaviour, random: Streams) -> None:
    """Draw the frames and write them as H.264."""
    import av
    import cv2

    from slimaffect.data.synthetic.camera import set_up
    from slimaffect.data.synthetic.drawing import draw
    from slimaffect.data.synthetic.identity import draw_identity

    cv2.setNumThreads(1)  # the workers share the cores among themselves
    person, camera = draw_identity(random.identity, settings.identity_spread), set_up(site, random.camera)
    with whole(path) as file, av.open(str(file), "w", format="mp4") as container:
        quality = {"preset": "superfast", "crf": f"{site.crf:.1f}"}  # faster presets keep the sensor's noise
        stream = container.add_stream("libx264", rate=Fraction(site.rate), options=quality)
        stream.width, stream.height, stream.pix_fmt = site.width, site.height, "yuv420p"
        stream.codec_context.thread_count = 1  # with more, the bytes depend on the machine
        for image in draw(person, behaviour, camera, site.background, random.picture):
            planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode(None))


def _table(times: Float[np.ndarray, " frames"], gold: np.ndarray, traces: np.ndarray) -> str:
    """The annotation as CSV on the video's clock: gold standard first, then each annotator."""
    clock = np.arange(gold.shape[1]) * STEP_S
    columns = [np.interp(times, clock, row) for row in (*gold, *traces.reshape(-1, gold.shape[1]))]
    header = ["time", "valence", "arousal", *(f"a{k + 1}{axis}" for k in range(ANNOTATORS) for axis in "va")]
    lines = [",".join(f"{value:.4f}" for value in row) for row in zip(times, *columns, strict=True)]
    return "\n".join([",".join(header), *lines, ""])


def _claim(target: Path, settings: SyntheticSettings) -> None:
    """Write the dataset's own files, unless other data lie there."""
    owner = target / _OWNER
    mine = {"version": VERSION, **settings.model_dump(mode="json", exclude=_GROWS)}
    if owner.exists():
        _refuse_other(target, json.loads(owner.read_text()), mine)
    elif target.exists() and any(target.iterdir()):
        raise DataError(
            f"{target} is not empty and was not drawn by slim: nothing is written there. Name a new folder."
        )
    target.mkdir(parents=True, exist_ok=True)
    _replace(target / "dataset.yaml", _DATASET)
    _replace(owner, json.dumps(mine, indent=1))


def _refuse_other(target: Path, theirs: dict, mine: dict) -> None:
    keys = sorted(key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key))
    if keys:
        differing = "; ".join(f"{key}: {theirs.get(key)} there, {mine.get(key)} wanted" for key in keys)
        raise DataError(f"{target} was drawn with other settings ({differing}). Delete it, or name another folder.")


def _replace(path: Path, content: str) -> None:
    with whole(path) as file:
        file.write_text(content)
