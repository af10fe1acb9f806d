"""Nothing under results/ ever holds a face: every image and every raw crop is looked for, in any wrapping."""

import base64
import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from slimaffect.report import write_report
from slimaffect.result import read_result

MAGICS = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|BM(?=.{12}[\x0c\x28\x6c\x7c]\0\0\0)", re.DOTALL
)
ENCODED = re.compile(rb"[A-Za-z0-9+/]{400,}={0,2}")  # base64, in a data: URI or anywhere else
STRIP = 24  # numbers of a crop's row that are looked for: enough never to be met by chance
FORMS = ((np.uint8, 1), (np.float32, 1), (np.float32, 1 / 255), (np.float16, 1), (np.float16, 1 / 255))


def unwrapped(raw: bytes) -> Iterator[bytes]:
    """The bytes of a file, and all that is packed in them: members of an npz or zip, decoded base64."""
    yield raw
    if raw[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for name in archive.namelist():
                yield from unwrapped(archive.read(name))
    for found in ENCODED.finditer(raw):
        text = found[0].rstrip(b"=")
        text = text[: len(text) - (len(text) % 4 == 1)]  # chance text may have a length that no base64 has
        yield base64.b64decode(text + b"=" * (-len(text) % 4))


def images(raw: bytes) -> Iterator[bytes]:
    """Every picture that can be decoded from somewhere in these bytes."""
    for found in MAGICS.finditer(raw):
        if cv2.imdecode(np.frombuffer(raw[found.start() :], np.uint8), cv2.IMREAD_REDUCED_COLOR_8) is not None:
            yield raw[found.start() :]


def strips(crops: np.ndarray) -> dict[int, set[bytes]]:
    """By length in bytes: pieces of rows that vary, as raw pixels and as floats of 0 to 255 and of 0 to 1."""
    rows = [crops.shape[2] // 3, crops.shape[2] // 2]
    planar = crops[:, :, rows, :STRIP].reshape(-1, STRIP)
    interleaved = crops[:, :, rows, : STRIP // 3].transpose(0, 2, 3, 1).reshape(-1, STRIP)
    varied = [piece for piece in np.concatenate([planar, interleaved]) if len(np.unique(piece[:8])) > 3]
    made = {(piece * factor).astype(form).tobytes() for piece in varied for form, factor in FORMS}
    return {size: {one for one in made if len(one) == size} for size in {len(one) for one in made}}


def holds(raw: bytes, wanted: dict[int, set[bytes]]) -> bool:
    """Whether one of the pieces stands anywhere in these bytes: their first 8 bytes are looked for at each offset."""
    heads = np.frombuffer(b"".join({piece[:8] for pieces in wanted.values() for piece in pieces}), "<u8")
    for offset in range(min(8, max(0, len(raw) - 7))):
        words = np.frombuffer(raw, "<u8", offset=offset, count=(len(raw) - offset) // 8)
        near = np.flatnonzero(np.isin(words, heads)) * 8 + offset
        if any(raw[at : at + size] in pieces for at in near.tolist() for size, pieces in wanted.items()):
            return True
    return False


def faces_in(folder: Path, crops: np.ndarray) -> list[str]:
    """Files that hold a picture other than the plot, or a piece of a crop."""
    plot, wanted, found = (folder / "pareto.png").read_bytes(), strips(crops), []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for raw in unwrapped(path.read_bytes()):
            if any(image[: len(plot)] != plot for image in images(raw)) or holds(raw, wanted):
                found.append(path.relative_to(folder).as_posix())
                break
    return found


@pytest.fixture(scope="module")
def crops(finished) -> np.ndarray:
    """Every face crop that the finished run was made from."""
    files = sorted((finished.folder / "cache").rglob("prepared/**/frames.npy"))
    return np.concatenate([np.load(file, mmap_mode="r") for file in files])


def test_a_finished_run_holds_no_face(finished, crops):
    """Report, bundles, engines and tables of a real run: no picture but the plot, and no piece of any crop."""
    assert len(crops) > 500
    assert faces_in(finished.result_folder, crops) == []


def test_the_plot_is_drawn_from_the_result_alone(finished, tmp_path):
    """The one picture there is can be drawn again, byte for byte, from numbers: no pixel of it comes from a video."""
    write_report([read_result(finished.result_folder)], tmp_path)
    assert (tmp_path / "pareto.png").read_bytes() == (finished.result_folder / "pareto.png").read_bytes()


def _png(crop: np.ndarray) -> bytes:
    return cv2.imencode(".png", crop.transpose(1, 2, 0)[..., ::-1])[1].tobytes()


def _jpeg(crop: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", crop.transpose(1, 2, 0)[..., ::-1])[1].tobytes()


def _npz(crop: np.ndarray) -> bytes:
    np.savez_compressed(packed := io.BytesIO(), calibration=crop[None])
    return packed.getvalue()


PLANTED = {
    "face.png": _png,  # a picture beside the report
    "report.html": lambda crop: b'<img src="data:image/jpeg;base64,' + base64.b64encode(_jpeg(crop)) + b'">',
    "result.json": lambda crop: b'"' + base64.b64encode(_png(crop)) + b'"',
    "problems.json": lambda crop: crop.tobytes(),
    "bundles/baseline/weights.bin": lambda crop: b"\0" * 99 + _jpeg(crop),  # a picture under another name
    "bundles/baseline/bundle.json": lambda crop: crop.transpose(1, 2, 0).tobytes(),  # as OpenCV has pixels
    "bundles/baseline/clip.onnx": lambda crop: (crop * (1 / 255)).astype(np.float32).tobytes(),  # a graph's constant
    "bundles/baseline/calibration.npz": _npz,
}


def test_planted_faces_are_found(finished, crops, tmp_path):
    """The search is no empty promise: a crop put anywhere, in any of these wrappings, is told with its file."""
    shutil.copytree(finished.result_folder, folder := tmp_path / "result")
    for number, (where, wrapped) in enumerate(PLANTED.items()):
        kept = (folder / where).read_bytes() if (folder / where).exists() else b""
        crop = np.ascontiguousarray(crops[number * (len(crops) // len(PLANTED))])
        (folder / where).write_bytes(kept + wrapped(crop))
    assert faces_in(folder, crops) == sorted(PLANTED)
