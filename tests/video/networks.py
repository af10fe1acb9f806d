"""A network with YuNet's inputs and outputs and no training: it finds bright red squares of 64 pixels."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 32  # pixels of a cell, the coarsest of YuNet's three grids
FACE = 64.0  # width and height of every box, in the picture that the network sees
POINTS = ((-0.5, -0.4), (0.5, -0.4), (0.0, 0.0), (-0.4, 0.5), (0.4, 0.5))  # landmarks, in cells from the face's centre


def red_finder(path: Path, *, lean: float = 0.0) -> Path:
    """Write the network; `lean` turns its landmarks by that many degrees clockwise."""
    nodes, weights = [], []

    def constant(name, value):
        weights.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def flat(source, name, channels):
        weights.append(numpy_helper.from_array(np.array([1, -1, channels]), f"{name}_shape"))
        nodes.append(helper.make_node("Transpose", [source], [f"{name}_last"], perm=[0, 2, 3, 1]))
        nodes.append(helper.make_node("Reshape", [f"{name}_last", f"{name}_shape"], [name]))

    for stride in (8, 16, SIDE):
        shown = 1.0 if stride == SIDE else 0.0
        kernel = {"kernel_shape": [stride, stride], "strides": [stride, stride]}
        nodes.append(helper.make_node("AveragePool", ["input"], [f"mean_{stride}"], **kernel))
        planes = {
            # Pictures come as BGR: red less green, nothing below a third of the range.
            "cls": ([[0, -shown / 170, shown / 170]], [0.0]),
            "obj": ([[0, 0, 0]], [1.0]),
            "bbox": (np.zeros((4, 3)), [0.5, 0.5, *[np.log(FACE / stride)] * 2]),
            "kps": (np.zeros((10, 3)), (0.5 + turned(lean)).ravel()),
        }
        for name, (matrix, bias) in planes.items():
            channels, plane = len(bias), f"{name}_{stride}"
            weight = constant(f"{plane}_w", np.reshape(matrix, (channels, 3, 1, 1)))
            inputs = [f"mean_{stride}", weight, constant(f"{plane}_b", bias)]
            nodes.append(helper.make_node("Conv", inputs, [f"{plane}_map"]))
            flat(f"{plane}_map", plane, channels)
    outputs = [
        helper.make_tensor_value_info(f"{name}_{stride}", TensorProto.FLOAT, [1, "cells", channels])
        for name, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        for stride in (8, 16, SIDE)
    ]
    entry = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 320, 320])
    graph = helper.make_graph(nodes, "red", [entry], outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def turned(lean: float) -> np.ndarray:
    """The landmarks about the face's centre, turned clockwise."""
    angle = np.radians(lean)
    return np.array(POINTS) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
