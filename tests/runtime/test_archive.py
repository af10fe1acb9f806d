"""A folder of videos: each is read once, and what cannot be read is listed and stops nothing."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from slimaffect.errors import VideoError
from slimaffect.runtime.archive import jobs, predict
from slimaffect.runtime.job import How


def slim(*arguments):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "slimaffect.cli", *arguments]
    environment = os.environ | {"COLUMNS": "160"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)


def in_turn(function, jobs):
    """Do jobs one after the other, as one worker does."""
    return ((job, function(job)) for job in jobs)


def run(given, shipped, out=None, *, fresh=False, each=in_turn, **how):
    """Read videos; answers outcomes by name."""
    listed = jobs(given, out, How(shipped, "onnxruntime", **how))
    done = predict(listed, fresh=fresh, each=each, watch=lambda *_: None)
    return {outcome.video.name: outcome for outcome in done}


@pytest.fixture
def archive(films, tmp_path):
    """Two good videos, one of them in a folder below, an empty file, and things that are no video."""
    folder = tmp_path / "archive"
    films.film(folder / "a.mp4", [films.face()] * 20)
    films.film(folder / "day 2" / "b.mkv", [films.face()] * 20)
    (folder / "broken.mov").touch()
    (folder / "notes.txt").write_text("no video")
    (folder / ".trash").mkdir()
    shutil.copy(folder / "a.mp4", folder / ".trash" / "c.mp4")
    return folder


def test_a_folder_is_walked_and_kept(archive, tmp_path, shipped):
    """Tables take the folders of their videos; hidden folders and other files are passed over."""
    done = run([archive], shipped, tmp_path / "out")
    assert set(done) == {"a.mp4", "b.mkv", "broken.mov"}
    assert "0 bytes" in done["broken.mov"].why_not
    written = sorted(file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.csv"))
    assert written == ["a.mp4.affect.csv", "day 2/b.mkv.affect.csv"]


def test_finished_videos_are_kept(archive, shipped):
    """A second run reads nothing; a changed video, a missing table, and --fresh are read again."""
    run([archive], shipped, overlay=True)
    again = run([archive], shipped, overlay=True)
    assert [again[name].kept for name in ("a.mp4", "b.mkv")] == [True, True]
    assert again["a.mp4"].ticks == 10
    os.utime(archive / "a.mp4", ns=(0, 0))
    (archive / "day 2" / "b.mkv.affect.csv").unlink()
    assert not any(outcome.kept for outcome in run([archive], shipped).values())
    assert not any(outcome.kept for outcome in run([archive], shipped, fresh=True).values())
    assert not any(outcome.kept for outcome in run([archive / "a.mp4"], shipped, plot=True).values())


def test_another_bundle_reads_again(archive, shipped, without_stream):
    """What another bundle said is no answer of this one."""
    run([archive / "a.mp4"], shipped)
    assert not run([archive / "a.mp4"], without_stream)["a.mp4"].kept


def test_a_damaged_record_is_no_record(archive, shipped):
    """A record that breaks off, or says something else, is written anew."""
    run([archive / "a.mp4"], shipped)
    record = archive / "a.mp4.affect.json"
    asked = json.loads(record.read_text())["asked"]
    for content in ("{", "[]", json.dumps({"asked": asked}), json.dumps({"asked": asked, "outcome": {"colour": 1}})):
        record.write_text(content)
        assert not run([archive / "a.mp4"], shipped)["a.mp4"].kept


def test_a_video_that_kills_the_decoder_is_listed(archive, shipped):
    """A job without an outcome has a reason that leads on."""
    done = run([archive], shipped, each=lambda _, waiting: ((job, None) for job in waiting))
    assert all("kills the process" in outcome.why_not for outcome in done.values())


def test_two_videos_never_share_a_table(archive, films, tmp_path, shipped):
    """Two files of one name, given singly, are refused together with where both would go."""
    films.film(tmp_path / "other" / "a.mp4", [films.face()] * 5)
    with pytest.raises(VideoError, match="would both be written to"):
        jobs([archive / "a.mp4", tmp_path / "other" / "a.mp4"], tmp_path / "out", How(shipped, "onnxruntime"))
    with pytest.raises(VideoError, match="holds no video"):
        jobs([shipped], None, How(shipped, "onnxruntime"))


def test_the_command_lists_faults_and_exits_with_1(archive, tmp_path, shipped):
    """`slim predict` writes what it can, says what it cannot, and loads no torch."""
    told = slim("predict", str(shipped), str(archive), "nowhere.mp4", "--out", str(tmp_path / "out"), "--workers", "1")
    assert told.returncode == 1
    assert "broken.mov" in told.stdout
    assert "the file is empty" in told.stdout
    assert "No such file" in told.stdout
    assert "x real time" in told.stdout
    assert "Traceback" not in told.stderr
    assert (tmp_path / "out" / "a.mp4.affect.csv").exists()


def test_the_command_loads_no_torch(archive, shipped):
    """A machine that only deploys needs no torch, nor onnx."""
    program = (
        "import sys; from slimaffect.cli import main\n"
        f"sys.argv = ['slim', 'predict', {str(shipped)!r}, {str(archive / 'a.mp4')!r}]\n"
        "try: main()\n"
        "except SystemExit as leaving: assert not leaving.code\n"
        "heavy = {'torch', 'onnx', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "100%" in told.stdout


def test_bundle_show_tells_what_how_good_how_fast_how_made(shipped):
    """`slim bundle show` verifies the bundle and prints its four parts."""
    told = slim("bundle", "show", str(shipped))
    assert told.returncode == 0, told.stderr
    for words in ("plain CNN, LSTM of 1 x 8", "faces of 16 pixels, 12.5 a second", "not scored", "0.500 ms", "seed 0"):
        assert words in told.stdout
