"""Nothing leaves the machine, and nothing about it is kept by others."""

import os
import subprocess
import sys

PROGRAM = """
import socket
def refuse(*_): raise AssertionError("the network was asked for")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = refuse
import numpy
from slimaffect.runtime.session import RUNTIMES, open_model
for runtime in RUNTIMES:
    session = open_model({path!r}, runtime=runtime)
    session.clip(numpy.zeros((1, 2, 3, 16, 16), numpy.uint8))
"""


def test_no_runtime_reports_to_its_maker(tmp_path, files):
    """ONNX Runtime writes no device identifier and queues no events, and no socket is opened."""
    home = tmp_path / "home"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(tmp_path)}
    home.mkdir()
    program = [sys.executable, "-c", PROGRAM.format(path=str(files["fp32"]))]
    subprocess.run(program, env=environment, check=True)
    assert not [path for path in home.rglob("*") if "onnxruntime" in path.name or "Microsoft" in path.name]
