"""Promises of annotation files: columns by name, values by time, and every fault with its likely cause."""

import numpy as np
import pytest

from slimaffect.data.labels import LabelError, Labels, check_length, read_labels


def written(tmp_path, text, encoding="utf-8"):
    """A CSV file with this text."""
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "time,valence,arousal\n0,0.5,-0.25\n1,0.7,0\n",
        "arousal,note,time,valence\n-0.25,x,0,0.5\n0,y,1,0.7\n",
        " Time ;VALENCE; Arousal \n0;0,5;-0,25\n1;0,7;0\n",
        "\ufefftime\tvalence\tarousal\r\n0\t.5\t-.25\r\n\r\n1\t.7\t0\r\n",
    ],
    ids=["plain", "any order", "semicolons, blanks, capitals, decimal commas", "tabs, byte order mark, blank line"],
)
def test_columns_are_found_by_name(tmp_path, text):
    """Order, capitals, blanks, further columns and the separator make no difference."""
    labels = read_labels(written(tmp_path, text))
    assert labels.times.tolist() == [0, 1]
    assert labels.affect == pytest.approx(np.array([[0.5, -0.25], [0.7, 0.0]]))


def test_another_range_is_scaled(tmp_path):
    """Ratings from 1 to 9 become values from -1 to 1."""
    labels = read_labels(written(tmp_path, "time,valence,arousal\n0,1,9\n1,5,3\n"), affect_range=(1, 9))
    assert labels.affect.tolist() == [[-1, 1], [0, -0.5]]


def test_a_straight_line_is_read_exactly():
    """On a line of known slope every moment between the rows has its exact value, whatever the label rate."""
    times = np.linspace(0, 10, 101)
    labels = Labels(times, np.stack([0.05 * times, -0.1 * times], axis=1))
    wanted = np.arange(0, 10, 1 / 12.5)
    assert labels.at(wanted) == pytest.approx(np.stack([0.05 * wanted, -0.1 * wanted], axis=1))


def test_the_delay_is_undone_and_the_tail_left_out():
    """With a delay of 2 s a frame takes the label of 2 s later; the last 2 s have none, and no zeros either."""
    labels = Labels(np.array([0.0, 10.0]), np.array([[0.0, 0.0], [1.0, -1.0]]))
    affect = labels.at(np.arange(11.0), delay_s=2.0)
    assert affect[:9, 0] == pytest.approx((np.arange(9) + 2) / 10)
    assert np.isnan(affect[9:]).all()


def test_nothing_is_guessed_outside_the_labels():
    """Before the first and after the last row there is no affect."""
    labels = Labels(np.array([1.0, 2.0]), np.array([[0.5, 0.5], [0.5, 0.5]]))
    assert np.isnan(labels.at(np.array([0.0, 0.9, 2.1]))).all()
    assert labels.at(np.array([1.0, 2.0005])) == pytest.approx(0.5)


HEAD = "time,valence,arousal\n"
FAULTS = [
    (b"time,valence,arousal\n\x00\x01\x02", "is binary, not text", "Save the annotation as CSV"),
    (bytes(range(256)), "is binary, not text", "Save the annotation as CSV"),
    ("", "is empty", "header time,valence,arousal"),
    ("0,0.1,0.2\n1,0.1,0.2\n", "has no header", "names its columns"),
    ("time,valence\n0,0\n1,0\n", "has no column arousal: its header names time, valence", "Name the columns"),
    ("time,valence,valence,arousal\n0,0,0,0\n", "has 2 columns valence", "Name the columns"),
    (HEAD, "has 0 rows of labels", "At least two"),
    (HEAD + "0,0,0\n", "has 1 rows of labels", "At least two"),
    (
        HEAD + "0,0,0\n1,nan,0\n2,,0\n3,0,0\n",
        "has 2 rows that are empty or NaN, the first on line 3",
        "Delete the rows",
    ),
    (HEAD + "0,0,0\n1,inf,0\n", "has 1 rows that are empty or NaN", "Delete the rows"),
    (HEAD + "0,0,0\n1,oops,0\n", "holds ['1', 'oops', '0'] on line 3", "Correct that line"),
    (HEAD + "0,0,0\n1,0\n", "breaks off on line 3: 2 cells", "Complete or delete"),
    (HEAD + "0,0,0\n=HYPERLINK(1)\n", "breaks off on line 3: 1 cells", "Complete or delete"),
    (HEAD + "0,0,0\n2,0,0\n1,0,0\n", "times that do not rise: 2 s, then 1 s on line 4", "Sort the rows"),
    (HEAD + "0,0,0\n0,0,0\n", "times that do not rise: 0 s, then 0 s on line 3", "one per moment"),
    (HEAD + "0,-7,3\n1,9,0\n", "values from -7 to 9, outside [-1, 1] (first on line 2)", "affect_range: [-10, 10]"),
    (HEAD + "0,2,3\n1,5,4\n", "values from 2 to 5", "affect_range: [1, 5]"),
    (HEAD + "0,50,99\n1,0,4\n", "values from 0 to 99", "affect_range: [0, 100]"),
    (HEAD + "0,-5,-5\n1,0.5,-0.5\n", "values from -5 to 0.5", "-5 looks like a mark for rows without annotation"),
    (HEAD + "0,5000,0\n1,0,0\n", "values from 0 to 5000", "declare their scale"),
]


@pytest.mark.parametrize(("text", "what", "next_"), FAULTS, ids=[what[:40] for _, what, _ in FAULTS])
def test_every_fault_is_named_with_its_place_and_remedy(tmp_path, text, what, next_):
    """A file that cannot be used says what is wrong, where, and what would mend it."""
    with pytest.raises(LabelError) as caught:
        read_labels(written(tmp_path, text))
    assert what in caught.value.what
    assert next_ in caught.value.next
    assert str(caught.value) == f"{caught.value.what}. {caught.value.next}"


def test_milliseconds_are_noticed():
    """Labels that last a thousand times as long as the video are not in seconds."""
    with pytest.raises(LabelError, match="look like milliseconds"):
        check_length(60_000.0, 60.0)
    check_length(60_000.0, 60_000.0)
    check_length(60_000.0, None)


def test_a_fault_travels_between_processes(sent):
    """Worker processes can hand the error back."""
    error = sent(LabelError("is empty", "Fill it"))
    assert (error.what, error.next, error.exit_code) == ("is empty", "Fill it", 3)
