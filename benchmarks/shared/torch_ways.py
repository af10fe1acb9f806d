"""The ways of torch that `stream.py` and `clip_latency.py` set beside ours: eager, and compiled now or ahead of time.

All get what ours gets: uint8 planes on the host, no gradients, and for a stream the state of the frame before.
"""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slimaffect.model.net import AffectNet

Read = Callable[[], object]


class Ready(nn.Module):
    """The net as it is called: uint8 planes and states in, affect and states out, in tensors alone."""

    def __init__(self, net: AffectNet) -> None:
        """Keep the net."""
        super().__init__()
        self.net = net

    def forward(self, frames: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Answer affect and, with an LSTM, the states."""
        answer = self.net(frames.float() / 255, (state[0], state[1]) if state else None)
        return (answer.affect, *(answer.state or ()))


def ways(net: AffectNet, frames: Tensor, *, carries: bool, compiled: bool = True) -> dict[str, Read]:
    """List torch's ways of reading these frames; `carries` hands the state on from call to call."""
    ready = Ready(net).eval()
    state = net.empty_state(frames.shape[0]) if net.spec.lstm.layers else ()
    found: dict[str, Callable[..., Any]] = {"eager": ready}
    if compiled:
        found["compile"] = torch.compile(ready, dynamic=False)
        found["AOTInductor"] = ahead_of_time(ready, (frames, *state))
    return {name: _reader(function, frames, state, carries=carries) for name, function in found.items()}


def ahead_of_time(ready: nn.Module, given: tuple[Tensor, ...]) -> Callable[..., Any]:
    """Compile to a package and load it, as a deployment without Python's compiler would."""
    package = Path(tempfile.mkdtemp()) / "model.pt2"
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.export.export(ready, given)
        torch._inductor.aoti_compile_and_package(program, package_path=str(package))  # noqa: SLF001
        return torch._inductor.aoti_load_package(str(package))  # noqa: SLF001


def _reader(function: Callable[..., Any], frames: Tensor, state: tuple[Tensor, ...], *, carries: bool) -> Read:
    kept = [state]

    def read() -> object:
        with torch.no_grad():
            affect, *after = function(frames, *kept[0])
        if carries:
            kept[0] = tuple(after)
        return affect

    return read
