"""Find the tensors of an ONNX model that belong to what training has learnt of a network's layers.

`srbench.networks.conversion.to_onnx` keeps the names of weights: "module.body.0.weight" is that of the layer "body.0".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srbench.deploying.learnt import LearntLayer, LearntRanges

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_OFF_GRID = 1e-3
"""How far from a whole number of steps a weight may be, by rounding."""
_LARGEST = 127.5


def learnt_ranges(model: ModelProto, learnt: LearntRanges | None) -> dict[str, tuple[float, float]]:
    """Return the ranges of the inputs of layers, by tensor; the widest where layers share an input."""
    ranges: dict[str, tuple[float, float]] = {}
    for node, layer in _layers(model, learnt):
        if layer.low is not None and layer.high is not None:
            low, high = ranges.get(node.input[0], (layer.low, layer.high))
            ranges[node.input[0]] = min(low, layer.low), max(high, layer.high)
    return ranges


def learnt_weights(model: ModelProto, learnt: LearntRanges | None) -> dict[str, list[dict[str, Any]]]:
    """Return the steps of the weights of convolutions, as onnxruntime takes them."""
    zero = np.array(0, np.int8)
    return {
        node.input[1]: [
            {"axis": 0, "scale": np.array(step, np.float32), "zero_point": zero} for step in layer.weight_steps
        ]
        for node, layer in _layers(model, learnt)
        if node.op_type == "Conv"
    }


def _layers(model: ModelProto, learnt: LearntRanges | None) -> Iterator[tuple[NodeProto, LearntLayer]]:
    """Yield the layers whose weights are on their grids.

    Others were folded with what comes before or after them, so that their inputs may have other ranges too.
    """
    from onnx import numpy_helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    layers = {} if learnt is None else learnt.layers
    for node in model.graph.node:
        if len(node.input) > 1 and (tensor := weights.get(node.input[1])) is not None:
            layer = layers.get(tensor.name.removeprefix("module.").removesuffix(".weight"))
            if layer is not None and _on_grid(numpy_helper.to_array(tensor), layer.weight_steps):
                yield node, layer


def _on_grid(weight: NDArray[np.float32], steps: Sequence[float]) -> bool:
    if len(weight) != len(steps):
        return False
    whole = weight.reshape(len(weight), -1) / np.asarray(steps, np.float32)[:, None]
    return bool(np.abs(whole - whole.round()).max() < _OFF_GRID and np.abs(whole).max() < _LARGEST)
