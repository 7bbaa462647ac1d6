"""What is known of a model's tensors without calibration: lr and sr are images, whose values are in [0, 1].

This holds through multiplications and additions of one number, such as a network's own range of values, and through
operators that only move pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

Range = tuple[float, float]

_IMAGE: Range = (0.0, 1.0)
_MOVES = frozenset({"DepthToSpace", "Identity", "Reshape", "Slice", "SpaceToDepth", "Transpose"})


def clip_output(model: ModelProto) -> None:
    """Clip sr to [0, 1] as early as this can be done: before its last shuffle of pixels.

    The tensor before the shuffle is then quantised over the values that images have, and not over overshoots.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    numbers = _numbers(model)
    *_, (tensor, bounds) = _backwards(model, numbers)
    at, producer = next((at, node) for at, node in enumerate(graph.node) if tensor in node.output)
    if producer.op_type == "Clip":
        return
    unclipped = f"{tensor}_unclipped"
    producer.output[list(producer.output).index(tensor)] = unclipped
    limits = [f"{tensor}_black", f"{tensor}_white"]
    for name, bound in zip(limits, bounds, strict=True):
        graph.initializer.append(numpy_helper.from_array(np.array(bound, np.float32), name))
    graph.node.insert(at + 1, helper.make_node("Clip", [unclipped, *limits], [tensor], name="clip_sr"))


def image_ranges(model: ModelProto) -> dict[str, Range]:
    """Return the range of every tensor of which it is known; the output must be clipped by `clip_output`."""
    numbers = _numbers(model)
    return dict(_backwards(model, numbers)) | dict(_forwards(model, numbers))


def _backwards(model: ModelProto, numbers: Mapping[str, float]) -> Iterator[tuple[str, Range]]:
    """Yield sr and the tensors that it follows from, with the values that they have where sr is in [0, 1]."""
    producers = {output: node for node in model.graph.node for output in node.output}
    uses = [name for node in model.graph.node for name in node.input]
    tensor, bounds = model.graph.output[0].name, _IMAGE
    yield tensor, bounds
    while (node := producers.get(tensor)) is not None:
        step = _step(node, numbers)
        if step is None or uses.count(node.input[0]) > 1 or node.input[0] not in producers:
            return
        factor, offset = step
        tensor, bounds = node.input[0], ((bounds[0] - offset) / factor, (bounds[1] - offset) / factor)
        yield tensor, bounds


def _forwards(model: ModelProto, numbers: Mapping[str, float]) -> Iterator[tuple[str, Range]]:
    """Yield lr and the tensors that follow from it alone, with their values."""
    known = {model.graph.input[0].name: _IMAGE}
    yield from known.items()
    for node in model.graph.node:  # in topological order, as the format requires
        if node.input and node.input[0] in known and (step := _step(node, numbers)):
            low, high = known[node.input[0]]
            known[node.output[0]] = (low * step[0] + step[1], high * step[0] + step[1])
            yield node.output[0], known[node.output[0]]


def _step(node: NodeProto, numbers: Mapping[str, float]) -> tuple[float, float] | None:
    """Return the positive factor and the offset by which an operator changes its first input; None for any other."""
    if node.op_type in _MOVES:
        return 1.0, 0.0
    if len(node.input) != 2 or (number := numbers.get(node.input[1])) is None:
        return None
    found = {
        "Mul": (number, 0.0),
        "Div": (1 / number if number else 0.0, 0.0),
        "Add": (1.0, number),
        "Sub": (1.0, -number),
    }.get(node.op_type)
    return found if found is not None and found[0] > 0 else None


def _numbers(model: ModelProto) -> dict[str, float]:
    """Return the constants of one value, by name."""
    from onnx import numpy_helper

    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return {name: float(array.item()) for name, array in arrays.items() if array.size == 1}
