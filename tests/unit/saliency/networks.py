"""The smallest ONNX networks, of which one knows by hand what they give."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPE = (1, 3, 4, 4)


def write_network(
    path: Path, *, shape=SHAPE, times: float = 1, kept: bool = True, outputs: int = 1, dtype=TensorProto.FLOAT
) -> Path:
    """Write a network whose first output is the mean of the three channels, times a number.

    Args:
        kept: whether the output keeps the axis of the channels; with more than one of the `outputs`, they are channels.
    """
    factor = numpy_helper.from_array(np.full((1, outputs, 1, 1), times, helper.tensor_dtype_to_np_dtype(dtype)), "by")
    axes = numpy_helper.from_array(np.array([1]), "axes")
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "by"], ["map" if kept else "kept"]),
        *([] if kept else [helper.make_node("Squeeze", ["kept", "axes"], ["map"])]),
        helper.make_node("Neg", ["mean"], ["side"]),  # further outputs are not read
    ]
    entry = helper.make_tensor_value_info("image", dtype, shape)
    results = [helper.make_tensor_value_info(name, dtype, None) for name in ("map", "side")]
    graph = helper.make_graph(nodes, "tiny", [entry], results, [factor, axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)
    return path
