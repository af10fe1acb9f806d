"""Promises of the plan: what is predicted from a sample is what the whole will take."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from slimaffect.data import DataSettings, prepare
from slimaffect.data.layout import Source
from slimaffect.data.plan import Header, Trial, choose, plan_dataset, plan_table, predict
from slimaffect.errors import DataError


def headers(*lengths):
    """Videos of these kinds and lengths in seconds, a megabyte each."""
    return [
        Header(Source("S1", f"p{n}", "task", Path(f"{n}.mp4"), Path(f"{n}.csv")), kind, seconds, 10**6)
        for n, (kind, seconds) in enumerate(lengths)
    ]


def test_each_kind_costs_what_its_own_sample_costs():
    """An hour of large video at 0.5 and two hours of small at 0.1 CPU-seconds a second make 0.7 core-hours."""
    videos = headers(("large", 3600), ("small", 3600), ("small", 3600))
    trials = [Trial("large", 0.5, 0.0, 150), Trial("small", 0.1, 0.0, 90), Trial("small", 0.1, 0.0, 80)]
    plan = predict(videos, trials, 4, DataSettings(pixels=48, rate=12.5), workers=2, free_gb=1.0)
    assert plan.cpu_hours == pytest.approx(0.7)
    assert plan.hours == pytest.approx(0.35)
    assert (plan.recordings, plan.unreadable, plan.video_hours, plan.worker_mb) == (3, 1, 3.0, 150)
    assert plan.disk_gb == pytest.approx(3 * 3600 * 12.5 * (3 * 48 * 48 + 80) / 1e9)
    assert plan.fits


def test_samples_that_differ_widen_the_error():
    """Two hours at 0.1 and 0.3 CPU-seconds a second: 0.4 ± 0.2 core-hours."""
    plan = predict(
        headers(("a", 3600), ("a", 3600)),
        [Trial("a", 0.1, 0.0, 90), Trial("a", 0.3, 0.0, 90)],
        2,
        DataSettings(),
        workers=1,
        free_gb=0.0,
    )
    assert (plan.cpu_hours, plan.cpu_hours_error) == pytest.approx((0.4, 0.2))
    assert not plan.fits


def test_every_kind_is_sampled_at_least_once():
    """Ninety-eight of one kind and one each of two others: all three are tried, and the choice has no chance in it."""
    videos = headers(*[("common", 60)] * 98, ("rare", 5), ("odd", 5))
    chosen = choose(videos, 8)
    assert {header.kind for header in chosen} == {"common", "rare", "odd"}
    assert 8 <= len(chosen) <= 10
    assert choose(videos, 8) == chosen


def test_a_dataset_is_planned_without_preparing_it(settings, dataset, tmp_path):
    """Disk is what it then takes, to a tenth; what cannot be opened is counted; nothing is written."""
    (dataset / "A/a1/task.mp4").write_bytes(b"")
    plan = plan_dataset(settings, tmp_path / "cache", sample=2)
    assert not (tmp_path / "cache").exists()
    assert (plan.recordings, plan.unreadable, plan.sampled) == (3, 1, 2)
    assert plan.video_hours * 3600 == pytest.approx(6)
    assert 0 < plan.cpu_hours < 0.01
    assert 40 < plan.worker_mb < 400
    prepare(settings, tmp_path / "cache")
    written = sum(path.stat().st_size for path in tmp_path.glob("cache/prepared/*/*/*/task/frames.npy"))
    assert plan.disk_gb * 1e9 == pytest.approx(written, rel=0.15)


def test_the_table_shows_the_plan(settings):
    """Core-hours, disk and memory, and whether there is room."""
    console = Console(width=160, record=True, file=StringIO())
    plan = predict(headers(("a", 3600)), [Trial("a", 0.5, 0.0, 120)], 1, settings, workers=4, free_gb=0.001)
    console.print(plan_table(plan))
    text = console.export_text()
    for part in ("0.50 ± 0.00 core-hours", "120 MB per worker, 480 MB together", "too little room"):
        assert part in text


def test_a_dataset_that_cannot_be_read_has_no_plan(settings, dataset, tmp_path):
    """All videos are empty: nothing can be predicted."""
    for video in dataset.rglob("*.mp4"):
        video.write_bytes(b"")
    with pytest.raises(DataError, match="none of 4 videos can be opened"):
        plan_dataset(settings, tmp_path / "cache")
