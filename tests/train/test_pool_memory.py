"""A store larger than memory is trained on: frames are mapped, and only those that are drawn are read."""

import json
import os

import numpy as np

from slimaffect.data.clips import cut
from slimaffect.data.store import load
from slimaffect.train.pool import Pool

PIXELS, PEOPLE = 224, 4


def stored_person(folder, frames):
    """A prepared recording of so many frames: a sparse file, whose crops are zeros until somebody writes them."""
    folder.mkdir(parents=True)
    with (folder / "frames.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (frames, 3, PIXELS, PIXELS)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + frames * 3 * PIXELS**2)
    affect, valid = np.zeros((frames, 2), np.float32), np.ones(frames, bool)
    np.savez(folder / "index.npz", times=np.arange(frames) / 25, affect=affect, valid=valid)
    (folder / "meta.json").write_text(json.dumps({"digest": folder.name, "frames": frames}))
    return load(folder, f"S{len(folder.name) % 2}", folder.name, "task")


def resident_mb():
    """Resident memory of this process, mapped pages that were touched included."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_a_store_that_does_not_fit_in_memory_is_drawn_from(tmp_path):
    """Crops of 1.2 times this machine's memory: batches come from all of them, and memory grows by what was drawn."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    frames = int(1.2 * memory / PEOPLE / (3 * PIXELS**2))
    people = [stored_person(tmp_path / f"p{number}", frames) for number in range(PEOPLE)]
    assert sum(person.frames.nbytes for person in people) > memory
    before = resident_mb()
    pool = Pool(cut(people, length=500, stride=500, rate=25.0))
    batch = pool.single(256, np.random.default_rng(0))
    assert batch.frames.shape == (256, 1, 3, PIXELS, PIXELS)
    assert set(batch.whose) == {"p0", "p1", "p2", "p3"}
    assert resident_mb() - before < 600
