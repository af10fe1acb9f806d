"""A real browser: headless Chromium, spoken to through two pipes in the DevTools Protocol. Nothing else is needed.

Skipped where Chromium is not installed (Debian: `apt-get install chromium`).
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)  # fmt: skip
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars",
         "--force-prefers-reduced-motion", "--remote-debugging-pipe")  # fmt: skip
PATIENCE_S = 60


class Browser:
    """One tab. `events` holds what the page did: requests, console messages, exceptions."""

    def __init__(self, profile: Path) -> None:
        to_browser, our_end = os.pipe()
        our_ear, from_browser = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        command = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._mouth, self._ear, self._heard, self._number, self._session = our_end, our_ear, b"", 0, None
        self.events: list[dict] = []
        target = next(one for one in self._ask("Target.getTargets")["targetInfos"] if one["type"] == "page")
        attached = self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._ask(f"{domain}.enable")

    def close(self) -> None:
        """End the browser and wait for it."""
        try:
            self._session = None
            self._ask("Browser.close")
        finally:
            for end in (self._mouth, self._ear):
                os.close(end)
            self._process.wait(timeout=PATIENCE_S)

    def open(self, page: Path, *, wide: int = 1440, high: int = 900, dark: bool = False) -> None:
        """Open a page at a size and in a colour scheme, forget earlier events, and wait until it is drawn."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.resize(wide, high)
        self._ask("Page.navigate", url="about:blank")
        self.events.clear()
        self._ask("Page.navigate", url=page.as_uri())
        self.until("document.readyState === 'complete' && document.documentElement.classList.contains('scripted')")
        self.until("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def resize(self, wide: int, high: int) -> None:
        """Give the window another size."""
        self._ask("Emulation.setDeviceMetricsOverride", width=wide, height=high, deviceScaleFactor=1, mobile=wide < 600)

    def run(self, script: str):
        """Evaluate an expression in the page and answer its value."""
        found = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}"

    def hover(self, selector: str) -> tuple[float, float]:
        """Move the mouse to the middle of an element, and answer where that is."""
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
            "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        self._ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        return x, y

    def click(self, selector: str) -> None:
        """Click with the mouse in the middle of an element."""
        x, y = self.hover(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press a key where the focus is."""
        for kind in ("keyDown", "keyUp"):
            self._ask("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def write(self, text: str) -> None:
        """Write text where the focus is."""
        self._ask("Input.insertText", text=text)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save what is seen, or the whole page, as a PNG."""
        taken = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._clip(whole))
        path.write_bytes(base64.b64decode(taken["data"]))

    def paper(self) -> bytes:
        """Print the page and answer the PDF."""
        return base64.b64decode(self._ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def faults(self) -> list[str]:
        """What went wrong since the page was opened: exceptions, and errors and warnings in the console."""
        found = []
        for event in self.events:
            told = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(told["exceptionDetails"]))
            if event["method"] == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
                found.append(str(told["args"]))
            if event["method"] == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
                found.append(str(told["entry"]))
        return found

    def requests(self) -> list[str]:
        """Every address that was asked for since the page was opened, the page's own file included."""
        return [one["params"]["request"]["url"] for one in self.events if one["method"] == "Network.requestWillBeSent"]

    def _clip(self, whole: bool) -> dict:
        if not whole:
            return {}
        size = self._ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}

    def _ask(self, method: str, **params) -> dict:
        self._number += 1
        said = {"id": self._number, "method": method, "params": params}
        os.write(
            self._mouth, json.dumps(said | ({"sessionId": self._session} if self._session else {})).encode() + b"\0"
        )
        while True:
            answer = self._hear()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def _hear(self) -> dict:
        while b"\0" not in self._heard:
            ready, _, _ = select.select([self._ear], [], [], PATIENCE_S)
            heard = os.read(self._ear, 1 << 20) if ready else b""
            assert heard, "the browser does not answer"
            self._heard += heard
        first, _, self._heard = self._heard.partition(b"\0")
        return json.loads(first)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One browser for all tests of a process."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: `apt-get install chromium` brings it")
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()
