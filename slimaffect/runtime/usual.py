"""A small network at its usual size of clip: sizes are worked out and memory is bound once, not at every call.

OpenVINO spends 13 to 33 % of a small net's clip on that, ONNX Runtime next to nothing (benchmarks/small_nets.py). What
it answers stays the same to the last bit (a test holds both runtimes to it), so nobody need know which copy answered.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Infer = Callable[[dict[str, np.ndarray]], list[np.ndarray]]
"""Named inputs -> outputs in the file's order: affect, then h_out and c_out if there are states."""
Sizes = dict[str, int]
"""`batch`, the clips at once, and `time`, the frames of each."""
Fix = Callable[[Sizes], Infer]
"""Opens the file anew, for this size only."""

SMALL = 1_000_000  # bytes of a file; above it, a second copy in memory is no longer for nothing, and gains nothing
OFTEN = 8  # calls with one size after which it is a usual one; opening takes as long as some hundred clips
COPIES = 2  # at most; a recording is read in chunks, and its last chunk may have any size


def usual(file: Path, infer: Infer, fix: Fix) -> Infer:
    """Answer as `infer` does, sooner for the sizes that come often; a large file is left as it is."""
    return Usual(infer, fix) if file.stat().st_size <= SMALL else infer


class Usual:
    """Answers by a copy that was opened for a size, once the size has come often."""

    def __init__(self, infer: Infer, fix: Fix) -> None:
        self._infer, self._fix = infer, fix
        self._seen: dict[tuple[int, int], int] = {}
        self.copies: dict[tuple[int, int], Infer] = {}

    def __call__(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Answer one call."""
        clips, frames = feed["frames"].shape[:2]
        sizes = (clips, frames)
        copy = self.copies.get(sizes)
        if copy is None and len(self.copies) < COPIES:
            self._seen[sizes] = self._seen.get(sizes, 0) + 1
            if self._seen[sizes] > OFTEN:
                copy = self.copies[sizes] = self._fix({"batch": clips, "time": frames})
        return (copy or self._infer)(feed)


class Bound:
    """An ONNX Runtime session whose inputs and outputs keep their memory; it has one size."""

    def __init__(self, session: "InferenceSession") -> None:
        self._session, self._binding = session, session.io_binding()
        self._given: dict[str, np.ndarray] = {}
        self._answered: list[np.ndarray] = []

    def __call__(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Answer one call."""
        if not self._given:
            return self._bind(feed)
        for name, values in feed.items():
            np.copyto(self._given[name], values, casting="no")
        self._session.run_with_iobinding(self._binding)
        return [answer.copy() for answer in self._answered]

    def _bind(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Answer the first call as usual, for the answers tell their sizes, and bind memory of our own."""
        answers: list[np.ndarray] = self._session.run(None, feed)  # pyright: ignore[reportAssignmentType]
        self._given = {name: np.array(values, order="C") for name, values in feed.items()}
        self._answered = [np.empty_like(answer) for answer in answers]
        for name, memory in self._given.items():
            self._binding.bind_input(name, "cpu", 0, memory.dtype.type, memory.shape, memory.ctypes.data)
        for port, memory in zip(self._session.get_outputs(), self._answered, strict=True):
            self._binding.bind_output(port.name, "cpu", 0, memory.dtype.type, memory.shape, memory.ctypes.data)
        return answers
