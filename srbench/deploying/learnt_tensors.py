"""Find the tensors of an ONNX model that belong to what training has learnt of a network's layers.

`srbench.networks.conversion.to_onnx` keeps the names of weights: "module.body.0.weight" is that of the layer "body.0".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from srbench.deploying.learnt import LearntLayer, LearntRanges

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_OFF_GRID = 1e-3
"""How far from a whole number of steps a weight may be, by rounding."""


def learnt_ranges(model: ModelProto, learnt: LearntRanges | None) -> dict[str, tuple[float, float]]:
    """Return the ranges of the inputs of layers, by tensor; the widest where layers share an input."""
    ranges: dict[str, tuple[float, float]] = {}
    for node, layer in _layers(model, learnt):
        if layer.low is not None and layer.high is not None:
            low, high = ranges.get(node.input[0], (layer.low, layer.high))
            ranges[node.input[0]] = min(low, layer.low), max(high, layer.high)
    return ranges


def learnt_weights(model: ModelProto, learnt: LearntRanges | None) -> dict[str, list[dict[str, Any]]]:
    """Return the steps of the weights of convolutions that are on their grids, as onnxruntime takes them.

    A weight that is not, such as one that was merged with what follows it, is quantised by its largest value.
    """
    from onnx import numpy_helper

    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    found = {}
    for node, layer in _layers(model, learnt):
        name, steps = node.input[1], np.asarray(layer.weight_steps, np.float32)
        weight = numpy_helper.to_array(arrays[name])
        if node.op_type != "Conv" or len(weight) != len(steps):
            continue
        whole = weight / steps[:, None, None, None]
        if np.abs(whole - whole.round()).max() < _OFF_GRID and np.abs(whole).max() < 127.5:
            zero = np.array(0, np.int8)
            found[name] = [{"axis": 0, "scale": np.array(step), "zero_point": zero} for step in steps]
    return found


def _layers(model: ModelProto, learnt: LearntRanges | None) -> Iterator[tuple[NodeProto, LearntLayer]]:
    weights = {tensor.name for tensor in model.graph.initializer}
    layers = {} if learnt is None else learnt.layers
    for node in model.graph.node:
        if len(node.input) > 1 and node.input[1] in weights:
            path = node.input[1].removeprefix("module.").removesuffix(".weight")
            if path in layers:
                yield node, layers[path]
