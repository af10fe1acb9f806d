"""Promises of boxes from other tools: looked up by time, several faces allowed, and never a row that is not one."""

import numpy as np
import pytest

from slimaffect.errors import VideoError
from slimaffect.video.align import STANDARD
from slimaffect.video.boxes import POINTS, boxes_beside, read_boxes
from slimaffect.video.decode import Frame
from slimaffect.video.detect import detector
from slimaffect.video.faces import faces
from slimaffect.video.picture import Picture
from slimaffect.video.settings import FaceSettings

AS_THEY_ARE = FaceSettings(grow=1, drop=0, detect_hz=2)
NOWHERE = Picture.of_rgb(np.zeros((10, 10, 3), np.uint8))


def table(path, *rows, header="time,x,y,width,height,score"):
    """Write a table of boxes."""
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def seen(path, time_s, settings=AS_THEY_ARE):
    """What stands in the table at a time."""
    return detector("boxes", settings, boxes=path).see(Frame(time_s, NOWHERE))


def test_a_box_is_squared_about_its_centre(tmp_path):
    """The shorter side grows; the score stays."""
    (box,) = seen(table(tmp_path / "a.boxes.csv", "0,10,20,30,60,0.5"), 0.0)
    assert (box.x, box.y, box.size, box.score) == (-5, 20, 60, 0.5)


def test_the_nearest_moment_counts_and_none_beyond_half_a_step(tmp_path):
    """At 2 detections a second a box stands for a quarter of a second either way."""
    path = table(tmp_path / "a.boxes.csv", "0.2,0,0,10,10,1", "0.4,5,5,10,10,1", "2,9,9,10,10,1")
    assert [box.x for box in seen(path, 0.0)] == [0]
    assert [box.x for box in seen(path, 0.35)] == [5]
    assert [box.x for box in seen(path, 0.65)] == [5]
    assert seen(path, 1.0) == []
    assert [box.x for box in seen(path, 2.25)] == [9]


def test_several_faces_of_one_moment_come_largest_first(tmp_path):
    """Rows of one time are several people."""
    path = table(tmp_path / "a.boxes.csv", "1,0,0,20,20,1", "1,50,0,40,40,1", "1,90,0,30,30,1")
    assert [box.size for box in seen(path, 1.0)] == [40, 30, 20]


def test_columns_stand_in_any_order_and_the_score_may_be_missing(tmp_path):
    """Names in the header decide; blanks and capitals in it do not matter."""
    path = table(tmp_path / "a.boxes.csv", "c,8,7,6,5,1.5", header="note, Height ,width,y,X,time")
    (box,) = seen(path, 1.5)
    assert (box.x, box.y, box.size, box.score) == (4.5, 6, 8, 1)


@pytest.mark.parametrize("align", [True, False])
def test_landmarks_align_where_they_are_given(tmp_path, align):
    """Five points beside a box turn the crop; a row without them is a plain square."""
    leaning = 100 + 50 * (STANDARD - 0.5) @ np.array([[0, 1], [-1, 0]])
    points = ",".join(f"{v:g}" for v in leaning.ravel())
    header = "time,x,y,width,height," + ",".join(POINTS)
    path = table(tmp_path / "a.boxes.csv", f"0,70,70,60,60,{points}", "3,70,70,60,60" + "," * 10, header=header)
    settings = AS_THEY_ARE.model_copy(update={"align": align})
    first, second = seen(path, 0.0, settings)[0], seen(path, 3.0, settings)[0]
    assert first.angle == pytest.approx(90 if align else 0, abs=0.1)
    assert first.size == pytest.approx(50 if align else 60, abs=0.1)
    assert (second.angle, second.size) == (0, 60)


def test_a_video_is_cropped_where_they_say(films, tmp_path):
    """The box moves from left to right in two seconds and the crops with it."""
    video = films.film(
        tmp_path / "a.mp4", [np.repeat(np.tile(np.arange(160, dtype=np.uint8), (120, 1))[..., None], 3, 2)] * 50
    )
    path = table(boxes_beside(video), "0,20,40,40,40,1", "1,40,40,40,40,1", "2,60,40,40,40,1")
    assert path.name == "a.boxes.csv"
    settings = FaceSettings(grow=1, drop=0, centre_weight=1)
    crops = list(faces(video, detector("boxes", settings, boxes=path), settings, rate=12.5, pixels=16))
    assert [round(face.box.x) for face in crops[:13:6]] == [20, 30, 40]
    assert crops[0].crop.mean() == pytest.approx(40, abs=4)
    assert crops[12].crop.mean() == pytest.approx(60, abs=4)


BAD = [
    ("", "has no column time, x, y, width, height"),
    ("time,x,y,width\n0,0,0,5\n", "has no column height"),
    ("time,x,y,width,height\n0,0,0,5,five\n", "line 2 is no row of numbers"),
    ("time,x,y,width,height\n0,0,0\n", "line 2 is no row of numbers"),
    ("time,x,y,width,height\n0,0,0,5,5\n1,0,0,0,5\n", "line 3 is no box"),
    ("time,x,y,width,height\n0,0,0,nan,5\n", "line 2 is no box"),
    ("time,x,y,width,height\n-1,0,0,5,5\n", "line 2 is no box"),
    ("time,x,y,width,height\n2,0,0,5,5\n1,0,0,5,5\n", "1 s on line 3 follows 2 s"),
    ("time,x,y,width,height\n0,0,0,5,=SUM(A1)\n", "line 2 is no row of numbers"),
    ("time,x,y,width,height\n0,0,0,5,5\x00\n", "is no CSV|line 2 is no row of numbers"),
    ('time,x,y,width,height\n0,0,0,5,"' + "9" * 200_000 + '"\n', "is no CSV"),
    (b"\xff\xfe\x00\x00", "is no CSV"),
]


@pytest.mark.parametrize(("content", "what"), BAD, ids=[what[:28] for _, what in BAD])
def test_what_is_no_table_of_boxes_is_refused(tmp_path, content, what):
    """The line, what stands there, and what to do."""
    path = tmp_path / "a.boxes.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(VideoError, match=what) as caught:
        read_boxes(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_table_is_an_error(tmp_path):
    """With a path and without one."""
    with pytest.raises(VideoError, match="there is no such file"):
        read_boxes(tmp_path / "a.boxes.csv")
    with pytest.raises(VideoError, match=r"needs a file <recording>\.boxes\.csv"):
        detector("boxes", FaceSettings())


def test_a_header_alone_is_nobody(tmp_path):
    """A tool that found no face writes no row: that is no error, and no face."""
    assert seen(table(tmp_path / "a.boxes.csv"), 0.0) == []
