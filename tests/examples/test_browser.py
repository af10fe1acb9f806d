"""The browser example answers in Chromium as the Python stream does.

It needs Node, Chromium and, in `examples/browser/node_modules` or the folder that NODE_MODULES names, the npm packages
onnxruntime-web and playwright-core; without them it is skipped.
"""

import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from slimaffect.runtime import Predictor

HERE = Path(__file__).parents[2] / "examples" / "browser"
MODULES = Path(os.environ.get("NODE_MODULES", HERE / "node_modules"))
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.skipif(not (MODULES / "onnxruntime-web").is_dir(), reason="needs npm's onnxruntime-web"),
    pytest.mark.skipif(not (MODULES / "playwright-core").is_dir(), reason="needs npm's playwright-core"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node"),
]

PROGRAM = """
const [modules, chromium, address, frames] = process.argv.slice(2);
const { chromium: browsers } = await import(`${modules}/playwright-core/index.mjs`);
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
const browser = await browsers.launch({ executablePath: chromium, headless: true, args });
const page = await browser.newPage();
await page.goto(`${address}/blank.html`);
const told = await page.evaluate(async ([given, spoilt]) => {
  const ort = await import("/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs");
  ort.env.wasm.numThreads = 1;
  const { AffectStream } = await import("/affect.mjs");
  const stream = await AffectStream.open(ort, "/bundle");
  const bytes = new Uint8Array(await (await fetch(given)).arrayBuffer());
  const size = 3 * stream.pixels ** 2, answers = [];
  const began = performance.now();
  for (let at = 0; at < bytes.length; at += size) {
    const { valence, arousal } = await stream.step(bytes.slice(at, at + size));
    answers.push([valence, arousal]);
  }
  const ms = (performance.now() - began) / answers.length;
  let refused = "";
  try { await AffectStream.open(ort, spoilt); } catch (fault) { refused = fault.message; }
  return { answers, refused, ms };
}, [frames, "/spoilt"]);
console.log(JSON.stringify(told));
await browser.close();
"""


@pytest.fixture
def served(shipped, frames, tmp_path):
    """A page's folder on a local port: the example, the bundle, a spoilt one, and the frames."""
    shutil.copy(HERE / "affect.mjs", tmp_path)
    shutil.copytree(shipped, tmp_path / "bundle")
    shutil.copytree(shipped, tmp_path / "spoilt")
    content = bytearray((shipped / "stream.fp32.onnx").read_bytes())
    content[50] ^= 1
    (tmp_path / "spoilt" / "stream.fp32.onnx").write_bytes(content)
    (tmp_path / "node_modules").symlink_to(MODULES.resolve())
    (tmp_path / "frames.bin").write_bytes(frames.tobytes())
    (tmp_path / "blank.html").write_text("<!doctype html>")
    (tmp_path / "read.mjs").write_text(PROGRAM)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield tmp_path, f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_chromium_answers_as_python_does(served, shipped, frames):
    """Fifty frames in headless Chromium: every answer within 1e-5; an altered graph is refused by its hash."""
    folder, address = served
    stream = Predictor.load(shipped, runtime="onnxruntime").stream()
    truth = [stream.step(frame) for frame in frames]
    command = ["node", folder / "read.mjs", MODULES.resolve(), CHROMIUM, address, "/frames.bin"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    answer = json.loads(told.stdout)
    np.testing.assert_allclose(answer["answers"], truth, atol=1e-5)
    assert answer["refused"] == "stream.fp32.onnx was altered"
