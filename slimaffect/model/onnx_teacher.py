"""A teacher that is an ONNX file of somebody else, or one that slim exported; run by ONNX Runtime on the CPU."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor

from slimaffect.errors import ModelError
from slimaffect.model.net import Answer, State
from slimaffect.model.teachers import Teacher
from slimaffect.runtime.session import Session, open_model
from slimaffect.settings import NamedFile, Settings

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Column = tuple[str, Annotated[int, Field(ge=0)]]
Planes = tuple[float, float, float]


class Outputs(Settings):
    """Where an ONNX file tells what."""

    valence: Column = ("affect", 0)
    """Name of the output that holds valence, and its column there."""
    arousal: Column = ("affect", 1)
    """Name of the output that holds arousal, and its column there."""
    features: str | None = None
    """Name of an output with features to imitate; without it, feature_weight must be 0."""


class OnnxFile(NamedFile):
    """An ONNX file as a teacher: per-frame, float32 pictures [n, 3, height, width], or a clip file of `slim`."""

    pixels: PositiveInt
    """Side of the pictures it reads; the student's pictures are scaled to it."""
    mean: Planes = (0.0, 0.0, 0.0)
    """Subtracted from red, green and blue in [0, 1]."""
    scale: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (1.0, 1.0, 1.0)
    """What red, green and blue are divided by after that."""
    affect_range: tuple[float, float] = (-1.0, 1.0)
    """Lowest and highest value that its valence and arousal can take."""
    outputs: Outputs = Outputs()
    """Where it tells what."""


def open_teacher(file: OnnxFile) -> "FileTeacher":
    """Open the file as what it is: a clip file of `slim`, or a per-frame model of somebody else.

    Raises:
        ModelError: it is another file than was declared, or it does not read and tell what was declared.
    """
    path = file.verified()
    session = _session(path)
    inputs = {port.name: port for port in session.get_inputs()}
    if "frames" in inputs and len(inputs["frames"].shape) == 5:
        return ClipTeacher(file, open_model(path, runtime="onnxruntime", threads=torch.get_num_threads()))
    return PictureTeacher(file, session)


class FileTeacher(Teacher):
    """A file that answers. It is never copied: a runtime's session cannot be, and nothing changes it."""

    hidden = 0

    def __init__(self, file: OnnxFile) -> None:
        super().__init__()
        self.file = file

    def __deepcopy__(self, memo: dict[int, Any]) -> "FileTeacher":
        """Stay one."""
        return self

    def extra_repr(self) -> str:
        """Show the file: a checkpoint is known by its teacher too."""
        return repr(self.file)

    def pictures(self, frames: Float[Tensor, "batch time 3 height width"]) -> Float[Tensor, "n 3 side side"]:
        """Line the frames up, scaled to the size that the file reads."""
        flat, side = frames.flatten(0, 1).float(), self.file.pixels
        if flat.shape[-1] == side:
            return flat
        return F.interpolate(flat, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


class ClipTeacher(FileTeacher):
    """A clip file that `slim` exported: uint8 frames in, affect out, states handed on."""

    features = 0

    def __init__(self, file: OnnxFile, session: Session) -> None:
        """Check that what is declared suits such a file."""
        super().__init__(file)
        self._session, self.remembers = session, session.ports.layers > 0
        if session.ports.pixels != file.pixels:
            raise ModelError(
                f"distill: {file.path} reads {session.ports.pixels} pixels; set pixels to that, not {file.pixels}."
            )
        plain = OnnxFile(path=file.path, sha256=file.sha256, pixels=file.pixels)
        if file != plain:
            raise ModelError(
                f"distill: {file.path} was exported by slim: it normalises by itself and tells only affect. "
                "Leave mean, scale, affect_range and outputs out."
            )

    @torch.no_grad()
    def answer(self, frames: Float[Tensor, "batch time 3 height width"], state: State | None = None) -> Answer:
        """Answer as the file does; altered pictures are rounded to the 256 levels that it reads."""
        raw = (255 * self.pictures(frames)).round().clamp(0, 255).to(torch.uint8).unflatten(0, frames.shape[:2])
        before = (state[0].cpu().numpy(), state[1].cpu().numpy()) if state else None
        affect, after = self._session.clip(raw.cpu().numpy(), before)
        told = torch.from_numpy(affect).to(frames.device)
        states = (torch.from_numpy(after[0]), torch.from_numpy(after[1])) if after else None
        return Answer(told, told.new_zeros(*affect.shape[:2], 0), states)


class PictureTeacher(FileTeacher):
    """A per-frame model of somebody else: float32 pictures in, named outputs out."""

    remembers = False

    def __init__(self, file: OnnxFile, session: "InferenceSession") -> None:
        """Ask it once, so that a file that does not fit is refused before anything is trained."""
        super().__init__(file)
        self._session = session
        self._input, self._pieces = _picture_port(file, session)
        _refuse_missing(file, session)
        self.features = 0
        self.features = self.answer(torch.zeros(1, 1, 3, file.pixels, file.pixels)).features.shape[-1]

    @torch.no_grad()
    def answer(self, frames: Float[Tensor, "batch time 3 height width"], state: State | None = None) -> Answer:
        """Answer as the file does, its affect brought to [-1, 1]; it has no state to go on from."""
        del state
        mean, scale = (torch.tensor(planes).view(3, 1, 1) for planes in (self.file.mean, self.file.scale))
        told = self._ask(((self.pictures(frames.cpu()) - mean) / scale).numpy())
        outputs, (low, high) = self.file.outputs, self.file.affect_range
        columns = [self._column(told, *place) for place in (outputs.valence, outputs.arousal)]
        affect = (2 * (torch.stack(columns, -1) - low) / (high - low) - 1).clamp(-1, 1)
        features = told[outputs.features].flatten(1) if outputs.features else affect[:, :0]
        affect, features = (part.to(frames.device).unflatten(0, frames.shape[:2]) for part in (affect, features))
        return Answer(affect, features, None)

    def _ask(self, pictures: Float[np.ndarray, "n 3 side side"]) -> dict[str, Tensor]:
        names = [port.name for port in self._session.get_outputs()]
        step = self._pieces or len(pictures)
        parts = [self._session.run(names, {self._input: pictures[n : n + step]}) for n in range(0, len(pictures), step)]
        columns = zip(names, zip(*parts, strict=True), strict=True)
        return {name: torch.from_numpy(np.concatenate(part)).float() for name, part in columns}

    def _column(self, told: dict[str, Tensor], name: str, column: int) -> Float[Tensor, " n"]:
        flat = told[name].flatten(1)
        if column >= flat.shape[1]:
            raise ModelError(
                f"distill: output {name} of {self.file.path} has {flat.shape[1]} columns; there is no column {column}. "
                "Correct outputs."
            )
        return flat[:, column]


def _session(path: Path) -> "InferenceSession":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors only
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as fault:  # the runtime raises classes of its own
        reason = (str(fault).strip() or type(fault).__name__).splitlines()[-1]
        raise ModelError(
            f"distill: {path} is no ONNX file that ONNX Runtime reads ({reason}). Export it again."
        ) from fault


def _picture_port(file: OnnxFile, session: "InferenceSession") -> tuple[str, int | None]:
    """Name the input of pictures, and how many at once it reads; None where that is free."""
    ports = session.get_inputs()
    shapes = ", ".join(f"{port.name} {port.type} {port.shape}" for port in ports)
    pieces, *rest = ports[0].shape if len(ports) == 1 and ports[0].type == "tensor(float)" else (None,)
    fits = len(rest) == 3 and all(
        not isinstance(size, int) or size == wanted
        for size, wanted in zip(rest, (3, file.pixels, file.pixels), strict=True)
    )
    if not fits or (isinstance(pieces, int) and pieces != 1):
        raise ModelError(
            f"distill: {file.path} reads {shapes}; a teacher reads float32 pictures "
            f"[n, 3, {file.pixels}, {file.pixels}], n free or 1. Set pixels, or export it so."
        )
    return ports[0].name, 1 if pieces == 1 else None


def _refuse_missing(file: OnnxFile, session: "InferenceSession") -> None:
    there, outputs = [port.name for port in session.get_outputs()], file.outputs
    wanted = [outputs.valence[0], outputs.arousal[0], *([outputs.features] if outputs.features else [])]
    missing = [name for name in wanted if name not in there]
    if missing:
        raise ModelError(
            f"distill: {file.path} has no output {missing[0]}; it has {', '.join(there)}. Name them in outputs, for "
            f"example valence: [{there[0]}, 0], arousal: [{there[0]}, 1]."
        )
