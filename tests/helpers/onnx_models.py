"""A small network as an ONNX model, made without PyTorch's exporter, which takes seconds."""

from __future__ import annotations

import numpy as np


def tiny_model(seed: int = 0, *, channels: int = 8, scale: int = 2, white: float = 255.0, spread: float = 0.0) -> bytes:
    """Two convolutions with a ReLU, a residual, and a shuffle of pixels, in [0, ``white``] inside.

    ``spread`` is how much the sizes of the channels' weights differ, as powers of ten.
    """
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(seed)
    wide = 3 * scale**2
    nearest = np.eye(3, dtype=np.float32).repeat(scale**2, axis=0)[..., None, None]
    sizes = 10.0 ** random.uniform(-spread, 0, channels)
    weights = {
        "white": np.float32(white),
        "body.0.weight": random.normal(0, 0.2, (channels, 3, 3, 3)) * sizes[:, None, None, None],
        "body.0.bias": random.normal(0, 0.1, channels) * white * sizes,
        "body.2.weight": random.normal(0, 0.05, (wide, channels, 3, 3)) / sizes[:, None, None],
        "nearest": nearest,
    }
    pads = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
    nodes = [
        helper.make_node("Mul", ["lr", "white"], ["scaled"], name="mul"),
        helper.make_node("Conv", ["scaled", "body.0.weight", "body.0.bias"], ["hidden"], name="first", **pads),
        helper.make_node("Relu", ["hidden"], ["active"], name="relu"),
        helper.make_node("Conv", ["active", "body.2.weight"], ["residual"], name="second", **pads),
        helper.make_node("Conv", ["scaled", "nearest"], ["skip"], name="skip", kernel_shape=[1, 1]),
        helper.make_node("Add", ["residual", "skip"], ["sum"], name="add"),
        helper.make_node("DepthToSpace", ["sum"], ["shuffled"], name="shuffle", blocksize=scale, mode="CRD"),
        helper.make_node("Div", ["shuffled", "white"], ["sr"], name="div"),
    ]
    graph = helper.make_graph(
        nodes, "tiny",
        [helper.make_tensor_value_info("lr", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("sr", TensorProto.FLOAT, ["n", 3, "H", "W"])],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


def patches(count: int = 8, side: int = 16, colours: int = 3, seed: int = 0) -> list[np.ndarray]:
    """Smooth patches with black and white in them, on 8 bits."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        coarse = random.uniform(-0.2, 1.2, (colours, side // 4, side // 4)).clip(0, 1)
        image = coarse.repeat(4, axis=1).repeat(4, axis=2)
        made.append((np.round(image * 255) / 255).astype(np.float32))
    return made
