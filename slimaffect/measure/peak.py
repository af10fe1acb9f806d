"""How fast a core multiplies at best: what every other speed on it can be held against."""

import time
from collections.abc import Callable

import numpy as np
import onnx.numpy_helper
from onnx import TensorProto, helper

SIDE, RUNS = 512, 12
"""Three matrices of 1 MB each, which stay in a core's caches; the best of some runs is what it can do."""


def core_gflops(*, threads: int = 1) -> float:
    """Measure 1e9 float32 operations a second (a multiply-accumulate is two) of a large matrix product.

    By ONNX Runtime's own kernels, in CPU time of the process, so that other work on the machine hardly counts.
    """
    import onnxruntime

    factor = np.random.default_rng(0).standard_normal((SIDE, SIDE), dtype=np.float32)
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [SIDE, SIDE]) for name in ("x", "y")]
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([product], "peak", ports[:1], ports[1:], [onnx.numpy_helper.from_array(factor, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    seconds = [_timed(lambda: session.run(None, {"x": factor})) for _ in range(RUNS)]
    return 2 * SIDE**3 / min(seconds) / 1e9


def _timed(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start
