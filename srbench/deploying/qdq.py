"""The steps of static quantisation by onnxruntime: prepare a model, calibrate its tensors, write it with QDQ pairs."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from srbench.deploying.image_ranges import clip_output, image_ranges
from srbench.deploying.learnt import LearntRanges
from srbench.deploying.learnt_tensors import learnt_ranges, learnt_weights
from srbench.deploying.onnx_sessions import exact_session
from srbench.errors import DataError, ExportError, UnavailableError, text_of

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession
    from onnxruntime.quantization import TensorsData

    from srbench.deploying.settings import Quantisation

Array = NDArray[np.float32]

LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Operators that are layers where their second input is a weight."""
_OLDEST_OPSET = 13
"""The first one whose DequantizeLinear has a step for each channel."""
_PERCENTILE = 99.999


def check_images(calibration: Sequence[ArrayLike]) -> list[Array]:
    """Return the calibration images as (1, C, h, w), all of one size.

    Raises:
        DataError: There is none, or their sizes or values are not those of calibration images.
    """
    images = [np.asarray(image, dtype=np.float32) for image in calibration]
    images = [image[None] if image.ndim == 3 else image for image in images]
    if not images:
        raise DataError("There is no calibration image; give at least one patch of lr.")
    for image in images:
        if image.ndim != 4 or len(image) != 1:
            raise DataError(f"A calibration image has the shape {image.shape}; (C, h, w) or (1, C, h, w) was expected.")
        if image.shape != images[0].shape:
            raise DataError(
                f"The calibration images have the shapes {images[0].shape} and {image.shape}; give patches of one size."
            )
        if not (image.min() >= 0 and image.max() <= 1):  # NaN fails both
            raise DataError("A calibration image has values outside [0, 1]; divide 8-bit images by 255.")
    return images


def prepare(content: bytes) -> ModelProto:
    """Read a model, name its nodes, clip its output, and infer the shapes of its tensors.

    Raises:
        ExportError: It is not a model that can be quantised.
        UnavailableError: A package is missing.
    """
    onnx = _packages()
    try:
        model = onnx.load_from_string(content)
        onnx.checker.check_model(model)
    except Exception as error:  # of protobuf for other files, and of the checker
        raise ExportError(
            f"This is not a sound ONNX model ({text_of(error)[:200]}); export the network again."
        ) from error
    opset = next((one.version for one in model.opset_import if one.domain in {"", "ai.onnx"}), 0)
    if opset < _OLDEST_OPSET:
        raise ExportError(f"The ONNX model has opset {opset}; quantisation needs {_OLDEST_OPSET} or later.")
    if any(node.op_type in {"QuantizeLinear", "DequantizeLinear"} for node in model.graph.node):
        raise ExportError("The ONNX model is quantised already; give the one in floating point.")
    if (len(model.graph.input), len(model.graph.output)) != (1, 1):
        raise ExportError(
            f"The ONNX model has {len(model.graph.input)} inputs and {len(model.graph.output)} outputs; quantisation "
            "needs one of each, lr and sr."
        )
    if not layers(model):
        raise ExportError("The ONNX model has no layer with weights, so nothing in it can be quantised.")
    for node, number in zip(model.graph.node, count()):
        node.name = node.name or f"{node.op_type}_{number}"
    clip_output(model)
    inferred: ModelProto = onnx.shape_inference.infer_shapes(model, data_prop=True)
    return inferred


def layers(model: ModelProto) -> list[str]:
    """Return the names of the layers with weights, in the order of the graph."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [node.name for node in model.graph.node if node.op_type in LAYERS and node.input[1] in weights]


def calibrate(
    model: ModelProto, images: Sequence[Array], settings: Quantisation, learnt: LearntRanges | None = None
) -> TensorsData:
    """Find the range of every tensor that an operator with integers has, by running the model on the images.

    What training has learnt of the inputs of layers goes before that, and what is known of images before both.

    Raises:
        DataError: The images do not fit the model.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, TensorData, create_calibrator

    method = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}[settings.calibration]
    extra = {"symmetric": False} | ({"percentile": _PERCENTILE} if settings.calibration == "percentile" else {})
    name = model.graph.input[0].name
    with tempfile.TemporaryDirectory(prefix="srbench-") as folder, quiet():
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        calibrator = create_calibrator(
            path, _operators(), str(Path(folder) / "augmented.onnx"), CalibrationMethod[method], extra_options=extra
        )
        for image in images:  # one at a time: it keeps every tensor of what it is given at once
            with _fitting(image):
                calibrator.collect_data(_Reader([{name: image}]))
        ranges = calibrator.compute_data()
    for tensor, (low, high) in (learnt_ranges(model, learnt) | image_ranges(model)).items():
        if tensor in ranges:
            ranges.data[tensor] = TensorData(lowest=np.float32(low), highest=np.float32(high))
    return ranges


def write(
    model: ModelProto,
    ranges: TensorsData,
    settings: Quantisation,
    *,
    only: Collection[str] = (),
    kept: Collection[str] = (),
    learnt: LearntRanges | None = None,
) -> bytes:
    """Return a prepared model with QDQ pairs.

    Args:
        model: See `prepare`; not changed.
        ranges: See `calibrate`.
        settings: How to quantise.
        only: Names of the nodes to quantise, each with its inputs and weights; default: all nodes, and their outputs.
        kept: Names of nodes that stay in floating point and read their inputs so.
        learnt: What training has learnt of the steps of weights, which matters per channel only.
    """
    import onnx
    from onnxruntime.quantization import QDQQuantizer, QuantType

    # An output belongs to the operator that reads it: before a ReLU it has values that are never needed.
    options: dict[str, Any] = {"OpTypesToExcludeOutputQuantization": _operators()} if only else {}
    if settings.per_channel:
        options["TensorQuantOverrides"] = learnt_weights(model, learnt)
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    in_float = _with_their_activations(model, kept)
    quantizer = QDQQuantizer(
        copied, settings.per_channel, False, QuantType.QInt8, QuantType.QUInt8, ranges, list(only), in_float,
        _operators(), options,
    )  # fmt: skip
    with quiet():
        quantizer.quantize_model()
    quantised = quantizer.model.model
    if in_float:
        _read_in_float(quantised, in_float)
    quantizer.model.topological_sort()
    whole: bytes = quantised.SerializeToString(deterministic=True)
    return whole


def _with_their_activations(model: ModelProto, kept: Collection[str]) -> list[str]:
    """Add to nodes the ReLU or Clip before each, which a quantised tensor would otherwise do by its range."""
    before = {node.output[0]: node for node in model.graph.node if node.op_type in {"Relu", "Clip"}}
    nodes = [node for node in model.graph.node if node.name in kept]
    activations = [before[name].name for node in nodes for name in node.input if name in before]
    return list(dict.fromkeys([*kept, *activations]))


def _read_in_float(model: ModelProto, kept: Collection[str]) -> None:
    """Let nodes read their inputs before these are quantised.

    Behind a DequantizeLinear and before a QuantizeLinear, onnxruntime would quantise the weights of a layer that was
    left in floating point, and with one step for all channels: measured, worse than quantising all layers.
    """
    graph = model.graph
    source = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    exact = {node.output[0]: source.get(node.input[0]) for node in graph.node if node.op_type == "DequantizeLinear"}
    for node in graph.node:
        if node.name in kept:
            node.input[:] = [exact.get(name) or name for name in node.input]
    for operator in ("DequantizeLinear", "QuantizeLinear"):
        read = _read(model)
        for node in [node for node in graph.node if node.op_type == operator and node.output[0] not in read]:
            graph.node.remove(node)
    read = _read(model)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in read]:
        graph.initializer.remove(tensor)


def _read(model: ModelProto) -> set[str]:
    """Return the names of the tensors that somebody reads."""
    return {name for node in model.graph.node for name in node.input} | {one.name for one in model.graph.output}


def session_of(content: bytes) -> InferenceSession:
    """Return an onnxruntime session of a model on the CPU, with all of onnxruntime's optimisations."""
    return exact_session(content)


def run(session: InferenceSession, images: Sequence[Array]) -> Iterator[Array]:
    """Yield what a model makes of each image.

    Raises:
        DataError: The images do not fit the model.
    """
    name = session.get_inputs()[0].name
    for image in images:
        with _fitting(image):
            (made,) = session.run(None, {name: image})
        yield made


class _Reader:
    """Images as onnxruntime's calibration reads them."""

    def __init__(self, inputs: Sequence[Mapping[str, Array]]) -> None:
        self._left = iter(inputs)

    def get_next(self) -> Mapping[str, Array] | None:
        return next(self._left, None)


def _packages() -> Any:  # noqa: ANN401 - the module onnx, which has no types
    try:
        import onnx
        import onnxruntime.quantization  # noqa: F401
    except ImportError as error:
        raise UnavailableError(f"A network is quantised with {error.name}; install srbench[onnx].") from error
    return onnx


def _operators() -> list[str]:
    """Return the operators for which onnxruntime has kernels in integers, always in one order."""
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    return sorted({*QDQRegistry, *QLinearOpsRegistry})


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back what quantisers print about their progress and about weights that have no channels."""
    from srbench.networks import conversion

    with conversion.quiet(), redirect_stdout(io.StringIO()):
        yield


@contextmanager
def _fitting(image: Array) -> Iterator[None]:
    """Raise `DataError` where onnxruntime refuses an image."""
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

    try:
        yield
    except (Fail, InvalidArgument, RuntimeException) as error:
        raise DataError(
            f"The ONNX model does not take a calibration image of shape {image.shape} ({text_of(error)[:200]}); give "
            "patches with its channels, of a size that it takes."
        ) from error
