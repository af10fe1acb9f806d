"""`auto` opens the fastest runtime that answers right here, and measures once."""

import json

import numpy as np
import pytest

from slimaffect.errors import BundleError
from slimaffect.runtime import choose
from slimaffect.runtime.choose import compare, fastest_runtime
from slimaffect.runtime.session import RUNTIMES


@pytest.fixture
def measured(monkeypatch):
    """Count what is measured, and say how fast each runtime is."""
    calls, speeds = [], {"openvino": 1.0, "onnxruntime": 2.0}

    def clip_s(session, *_):
        calls.append(session.runtime)
        return speeds[session.runtime]

    monkeypatch.setattr(choose, "_clip_s", clip_s)
    monkeypatch.setattr(choose, "_here", lambda: list(RUNTIMES))
    return calls, speeds


def test_the_fastest_is_chosen_once(files, measured, cache):
    """The faster one is taken, and the second time nothing is measured; other threads are another question."""
    calls, speeds = measured
    assert fastest_runtime(files["fp32"], threads=2) == "openvino"
    speeds["onnxruntime"] = 0.5
    assert fastest_runtime(files["fp32"], threads=2) == "openvino"
    assert len(calls) == 2
    assert fastest_runtime(files["fp32"], threads=3) == "onnxruntime"
    kept = [json.loads(file.read_text()) for file in (cache / "runtimes").glob("*.json")]
    assert {"openvino", "onnxruntime"} <= set(kept[0]["measured"])


def test_a_damaged_memory_is_measured_again(files, measured, cache):
    """What breaks off, or names no runtime, is no memory."""
    calls, _ = measured
    fastest_runtime(files["u8s8"], threads=4)
    for content in ("{", "[]", '{"runtime": "abacus"}'):
        for file in (cache / "runtimes").glob("*.json"):
            file.write_text(content)
        calls.clear()
        assert fastest_runtime(files["u8s8"], threads=4) == "openvino"
        assert len(calls) == 2


@pytest.mark.usefixtures("measured")
def test_what_answers_otherwise_is_left_out(files, monkeypatch):
    """A runtime beyond the tolerance is told with both values, however fast it is."""
    said, opened = [], choose.open_model

    def wrong(file, *, runtime, **more):
        session = opened(file, runtime=runtime, **more)
        if runtime != "openvino":
            return session
        return choose.Session(file, runtime, 1, session.ports, lambda feed: [a + 0.01 for a in session.infer(feed)])

    monkeypatch.setattr(choose, "open_model", wrong)
    assert set(compare(files["fp32"], complain=said.append)) == {"onnxruntime"}
    assert said == ["openvino is left out: it answers 0.01 from ONNX Runtime; 0.0001 is allowed."]


def test_a_model_that_answers_no_number_is_refused_in_words(files, monkeypatch):
    """Nothing is remembered of it."""
    monkeypatch.setattr(choose, "compare", lambda *_, **__: {})
    with pytest.raises(BundleError, match="no runtime here answers"):
        fastest_runtime(files["fp32"], threads=5)


def test_really_measured(files):
    """Without any stand-in both CPU runtimes are timed, and agree."""
    told = compare(files["fp32"])
    assert set(told) >= set(RUNTIMES)
    assert all(one["away"] <= 1e-5 and np.isfinite(one["clip_ms"]) for one in told.values())
