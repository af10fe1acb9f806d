"""Promises of preparation: every video once, everything that was set aside listed, the same clips however it ran."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from slimaffect.data import ClipSettings, DatasetFacts, DataSettings, prepare, write_dataset_yaml
from slimaffect.data.store import claimed, refuse_changed, sweep
from slimaffect.data.synthetic import SyntheticSettings
from slimaffect.errors import DataError

PLACES = ["A/a1", "A/a2", "B/b1", "B/b2"]


def stamps(cache):
    """When each prepared recording was finished."""
    return {path.parent.parent.name: path.stat().st_mtime_ns for path in cache.rglob("task/meta.json")}


def the_problem(prepared):
    """The one problem of a preparation."""
    (problem,) = prepared.problems
    return problem


def test_videos_become_clips(settings, tmp_path):
    """Every recording is cropped at the chosen rate and size and cut into clips; every face is found."""
    clips = prepare(settings, tmp_path / "cache").clips
    assert [f"{r.site}/{r.subject}/{r.name}" for r in clips.recordings] == [f"{place}/task" for place in PLACES]
    recording = clips.recordings[0]
    assert recording.frames.shape == (20, 3, 16, 16)
    assert recording.frames.dtype == np.uint8
    assert isinstance(recording.frames, np.memmap)
    assert recording.valid.all()
    assert recording.times == pytest.approx(np.arange(20) / 10)
    assert (len(clips), clips.length, clips.rate, clips.pixels) == (16, 5, 10, 16)


def test_affect_is_that_of_each_frame(settings, tmp_path):
    """Labels at 10 a second on a straight line give every frame at 25 a second its exact value."""
    prepared = prepare(settings.model_copy(update={"rate": 25.0}), tmp_path / "cache")
    recording = prepared.clips.recordings[0]
    expected = np.stack([0.01 * recording.times, -0.02 * recording.times], axis=1)
    assert len(recording) == 50
    assert recording.affect == pytest.approx(expected, abs=1e-6)


def test_the_annotators_delay_is_undone(settings, dataset, tmp_path):
    """A delay of 0.5 s moves labels forward; the last half second is not valid, and is no zero."""
    write_dataset_yaml(dataset, DatasetFacts(name="lab", annotation_delay_s=0.5))
    recording = prepare(settings, tmp_path / "cache").clips.recordings[0]
    assert recording.affect[:15, 0] == pytest.approx(0.01 * (recording.times[:15] + 0.5), abs=1e-6)
    assert recording.valid.tolist() == [True] * 16 + [False] * 4
    assert np.isnan(recording.affect[16:]).all()


def test_nothing_is_prepared_twice(settings, tmp_path):
    """A second run finds everything, opens no video, and gives the same clips."""
    first = prepare(settings, tmp_path / "cache")
    before, told = stamps(tmp_path / "cache"), []
    second = prepare(settings, tmp_path / "cache", watch=lambda *news: told.append(news))
    assert stamps(tmp_path / "cache") == before
    assert told == [("preparing recordings", 4, 4)]
    assert second.fingerprint == first.fingerprint


def test_progress_is_told_per_recording(settings, tmp_path):
    """The watcher hears of every recording, and how many there are."""
    told = []
    prepare(settings, tmp_path / "cache", watch=lambda *news: told.append(news))
    assert told == [("preparing recordings", 0, 4), *((f"prepared {p}/task", i + 1, 4) for i, p in enumerate(PLACES))]


def test_a_new_recording_prepares_one(settings, dataset, films, tmp_path):
    """Adding a recording leaves the others as they are and changes the fingerprint."""
    first = prepare(settings, tmp_path / "cache")
    before = stamps(tmp_path / "cache")
    films.film(dataset / "A/a3/task.mp4", [films.face(x=90)] * 20, rate=10)
    films.labels(dataset / "A/a3/task.csv", 2.0)
    second = prepare(settings, tmp_path / "cache")
    after = stamps(tmp_path / "cache")
    assert set(after) - set(before) == {"a3"}
    assert {name: after[name] for name in before} == before
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize("suffix", ["mp4", "csv"])
def test_a_changed_file_is_noticed_by_its_content(settings, dataset, films, tmp_path, suffix):
    """A corrected video or annotation is prepared again; one that was merely touched is not."""
    prepare(settings, tmp_path / "cache")
    before = stamps(tmp_path / "cache")
    (dataset / f"A/a2/task.{suffix}").touch()
    prepare(settings, tmp_path / "cache")
    assert stamps(tmp_path / "cache") == before
    if suffix == "csv":
        films.labels(dataset / "A/a2/task.csv", 2.0, slope=(0.1, 0.1))
    else:
        films.film(dataset / "A/a2/task.mp4", [films.face(x=60)] * 20, rate=10)
    prepare(settings, tmp_path / "cache")
    after = stamps(tmp_path / "cache")
    assert [name for name in before if after[name] != before[name]] == ["a2"]


def test_other_settings_stand_beside_each_other(settings, tmp_path):
    """Another size is another folder: going back costs nothing."""
    prepare(settings, tmp_path / "cache")
    before = stamps(tmp_path / "cache")
    larger = prepare(settings.model_copy(update={"pixels": 32}), tmp_path / "cache")
    assert larger.clips.pixels == 32
    told = []
    prepare(settings, tmp_path / "cache", watch=lambda *news: told.append(news))
    assert told == [("preparing recordings", 4, 4)]
    assert len(before) == 4


def test_datasets_of_one_name_stand_beside_each_other(settings, dataset, films, tmp_path):
    """A corrected copy of a dataset leaves the crops of the first alone, which another run may be reading."""
    first = prepare(settings, tmp_path / "cache").clips
    shutil.copytree(dataset, tmp_path / "copy")
    films.labels(tmp_path / "copy/A/a2/task.csv", 2.0, slope=(0.1, 0.1))
    copy = prepare(settings.model_copy(update={"source": str(tmp_path / "copy")}), tmp_path / "cache").clips
    assert copy.fingerprint != first.fingerprint
    told = []
    again = prepare(settings, tmp_path / "cache", watch=lambda *news: told.append(news))
    assert told == [("preparing recordings", 4, 4)]
    assert again.clips.fingerprint == first.fingerprint
    refuse_changed(first)


def test_crops_that_are_prepared_anew_under_a_run_are_refused(settings, dataset, films, tmp_path):
    """Who mapped the old ones may not go on as if the file that now has their name were the same."""
    before = prepare(settings, tmp_path / "cache").clips
    refuse_changed(before)
    films.labels(dataset / "A/a2/task.csv", 2.0, slope=(0.1, 0.1))
    after = prepare(settings, tmp_path / "cache").clips
    refuse_changed(after)
    with pytest.raises(DataError, match=r"A/a2/task: its video or labels were changed .* Start it again"):
        refuse_changed(before)


def test_a_prepared_recording_that_was_cut_short_is_prepared_again(settings, tmp_path):
    """A full disk or a crash leaves nothing that is trusted."""
    first = prepare(settings, tmp_path / "cache")
    damaged = next((tmp_path / "cache").rglob("a1/task/frames.npy"))
    damaged.write_bytes(damaged.read_bytes()[:-100])
    assert prepare(settings, tmp_path / "cache").fingerprint == first.fingerprint
    assert len(np.load(damaged)) == 20


def test_faces_are_for_their_owner_only(settings, tmp_path):
    """Crops are biometric data: nobody else may read a file or list a folder."""
    prepare(settings, tmp_path / "cache")
    prepared = tmp_path / "cache" / "prepared"
    for path in (prepared, *prepared.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_the_number_of_workers_changes_nothing(settings, tmp_path):
    """Two processes give the same bytes as one."""
    one = prepare(settings, tmp_path / "one")
    two = prepare(settings, tmp_path / "two", workers=2)
    assert one.fingerprint == two.fingerprint
    for a, b in zip(one.clips.recordings, two.clips.recordings, strict=True):
        assert (a.frames == b.frames).all()
        assert np.array_equal(a.affect, b.affect)


KILLED = """
import os, signal, sys
from pathlib import Path
from slimaffect.data import DataSettings, prepare

if __name__ == "__main__":
    settings = DataSettings.model_validate_json(sys.argv[1])
    def watch(what, done, total):
        if done == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    prepare(settings, Path(sys.argv[2]), workers=2, watch=watch)
"""


def test_a_killed_preparation_goes_on_where_it_stopped(settings, tmp_path):
    """After kill -9, finished recordings stay as they are and nothing half-finished is left lying about."""
    program = tmp_path / "program.py"
    program.write_text(KILLED)
    cache = tmp_path / "cache"
    subprocess.run([sys.executable, program, settings.model_dump_json(), cache], check=False, timeout=120)
    before = stamps(cache)
    assert 2 <= len(before) <= 4
    finished = next(cache.rglob("task/meta.json")).parent
    shutil.copytree(finished, finished.with_name(".partial-left-behind"))
    prepared = prepare(settings, cache)
    assert stamps(cache).items() >= before.items()
    assert prepared.fingerprint == prepare(settings, tmp_path / "other").fingerprint
    end = time.monotonic() + 20  # workers notice within moments that their parent is dead
    while list(cache.rglob(".partial*")) and time.monotonic() < end:
        prepare(settings, cache)
    assert not list(cache.rglob(".partial*"))


def test_a_full_disk_is_told_and_what_is_done_stays(settings, tmp_path, monkeypatch):
    """The kernel's own error after one recording: a sentence, exit code 3, nothing half-finished, and a store to resume."""
    cache, opened = tmp_path / "cache", []

    def on_a_full_disk(path, flags):
        opened.append(path)
        return os.open(path if len(opened) <= 3 else "/dev/full", flags, 0o600)

    with monkeypatch.context() as patched:
        patched.setattr("slimaffect.data.write._private", on_a_full_disk)
        with pytest.raises(DataError, match="the disk is full") as caught:
            prepare(settings, cache)
    assert caught.value.exit_code == 3
    before = stamps(cache)
    assert len(before) == 1
    assert not list(cache.rglob(".partial*"))
    prepared = prepare(settings, cache)
    assert stamps(cache).items() >= before.items()
    assert prepared.fingerprint == prepare(settings, tmp_path / "other").fingerprint


def test_what_another_run_is_writing_is_left_alone(tmp_path):
    """Sweeping removes folders that nobody holds any more."""
    for name in ("held", "left"):
        (tmp_path / f"A/a1/.partial-{name}").mkdir(parents=True)
    with claimed(tmp_path / "A/a1/.partial-held"):
        sweep(tmp_path)
        assert [p.name for p in tmp_path.glob("A/a1/*")] == [".partial-held"]
    sweep(tmp_path)
    assert not list(tmp_path.glob("A/a1/*"))


BROKEN = [
    ("task.mp4", b"", "the file is empty (0 bytes)", "Copy it again"),
    ("task.mp4", b"no video at all" * 50, "cannot be opened as mp4", "damaged"),
    ("task.csv", b"time,valence,arousal\n0,0,0\n1,nan,0\n", "empty or NaN", "Delete the rows"),
    ("task.csv", b"time,valence,arousal\n0,0,0\n1,8,0\n", "outside [-1, 1]", "affect_range"),
    ("task.csv", b"time,valence,arousal\n0,0,0\n200000,0,0\n", "look like milliseconds", "in seconds"),
    (
        "task.csv",
        b"time,valence,arousal\n60,0,0\n80,0,0\n",
        "no moment with both a face and a label",
        "Compare the times",
    ),
    ("task.csv", b"\x00\x01", "is binary", "CSV text"),
]


@pytest.mark.parametrize(("name", "content", "what", "next_"), BROKEN, ids=[what[:30] for _, _, what, _ in BROKEN])
def test_a_broken_recording_is_set_aside_and_the_run_goes_on(settings, dataset, tmp_path, name, content, what, next_):
    """One bad file costs one recording, with its reason; it is told again on the next run."""
    (dataset / "A/a1" / name).write_bytes(content)
    for _ in range(2):
        prepared = prepare(settings, tmp_path / "cache")
        problem = the_problem(prepared)
        assert problem.where.startswith("A/a1/task")
        assert what in problem.what
        assert next_ in problem.next
        assert prepared.clips.subjects == ("a2", "b1", "b2")


def test_nobody_in_the_picture(settings, dataset, films, tmp_path):
    """A recording without any face is set aside, counts in the coverage, and makes the sites uneven."""
    films.film(dataset / "A/a1/task.mp4", [films.still()] * 20, rate=10)
    prepared = prepare(settings, tmp_path / "cache")
    nobody, uneven = prepared.problems
    assert (nobody.where, nobody.severity) == ("A/a1/task.mp4", "set aside")
    assert "no face" in nobody.what
    assert prepared.coverage == {"A": 0.5, "B": 1.0}
    assert prepared.subject_coverage == {"a1": 0.0, "a2": 1.0, "b1": 1.0, "b2": 1.0}
    assert (uneven.where, uneven.severity) == ("A", "warning")
    assert "50.0% of its frames but in 100.0% of B's" in uneven.what


def test_a_video_that_breaks_off_gives_its_good_frames_and_a_warning(settings, dataset, films, tmp_path):
    """The frames before the break are used, now and when they come from the cache."""
    path = dataset / "A/a1/task.mp4"
    noise = np.random.default_rng(0).integers(0, 60, (40, 120, 160, 3), np.uint8)
    films.film(path, [films.face() // 2 + image for image in noise], rate=10, options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    for _ in range(2):
        prepared = prepare(settings, tmp_path / "cache")
        problem = the_problem(prepared)
        assert (problem.where, problem.severity) == ("A/a1/task.mp4", "warning")
        assert "breaks off" in problem.what
        assert 10 < len(prepared.clips.recordings[0]) < 40


def test_a_recording_shorter_than_a_clip_is_set_aside(settings, dataset, films, tmp_path):
    """What cannot yield a clip is listed, not lost."""
    films.film(dataset / "A/a1/task.mp4", [films.face()] * 4, rate=10)
    problem = the_problem(prepare(settings, tmp_path / "cache"))
    assert "has 4 frames, a clip has 5" in problem.what


def test_a_site_lost_while_preparing_ends_the_run(settings, dataset, tmp_path):
    """When all videos of a site turn out bad, the folds would be others than those asked for."""
    for subject in ("b1", "b2"):
        (dataset / "B" / subject / "task.mp4").write_bytes(b"")
    with pytest.raises(DataError, match=r"site B has no usable recording.*0 bytes"):
        prepare(settings, tmp_path / "cache")


@pytest.mark.parametrize("kind", ["indexed", "prepared"])
def test_strict_refuses_any_problem(settings, dataset, tmp_path, kind):
    """With strict, every problem is listed and the exit code is 3."""
    if kind == "indexed":
        (dataset / "A/a1/other.csv").touch()
    else:
        (dataset / "A/a1/task.mp4").write_bytes(b"")
    with pytest.raises(DataError, match="1 problems, and --strict accepts none") as caught:
        prepare(settings, tmp_path / "cache", strict=True)
    assert "A/a1/" in str(caught.value)
    assert caught.value.exit_code == 3


def test_the_whole_frame_needs_no_detector(settings, tmp_path):
    """For videos that are cropped already, every frame counts."""
    prepared = prepare(settings.model_copy(update={"detector": "none"}), tmp_path / "cache")
    assert prepared.coverage == {"A": 1.0, "B": 1.0}


def test_the_synthetic_dataset_is_drawn_on_first_use(tmp_path):
    """Without any data at hand there are faces to learn from; a second use draws nothing."""
    drawn = SyntheticSettings(subjects=2, sites=("S1", "S2"), seconds=3)
    settings = DataSettings(synthetic=drawn, pixels=16, clip=ClipSettings(frames=10, stride=10))
    first = prepare(settings, tmp_path / "cache")
    assert first.clips.sites == ("S1", "S2")
    assert min(first.coverage.values()) > 0.9
    told = []
    second = prepare(settings, tmp_path / "cache", watch=lambda *news: told.append(news))
    assert told == [("preparing recordings", 2, 2)]
    assert second.fingerprint == first.fingerprint


def test_problems_can_be_written_as_json(settings, dataset, tmp_path):
    """A run's list of problems is plain values."""
    (dataset / "A/a1/other.csv").touch()
    written = json.dumps([problem.as_dict() for problem in prepare(settings, tmp_path / "cache").problems])
    assert "other.csv" in written
