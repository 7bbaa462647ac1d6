"""Which layers lose most in 8-bit integers: each layer is quantised alone, and the output compared with floating point.

``sensitivity(content, calibration, settings)`` returns the rows; `srbench.deploying.sensitivity_files` writes them as a
table and a picture. The most sensitive layers are those that `Quantisation.float_layers` keeps in floating point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from srbench.deploying.qdq import Array, calibrate, check_images, layers, prepare, run, session_of, write
from srbench.deploying.settings import Quantisation

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime.quantization import TensorsData


@dataclass(frozen=True, slots=True)
class LayerError:
    """What is lost if one layer alone is quantised: its input and its weights."""

    layer: str
    """The layer's node in the ONNX model."""
    weight: str
    """The name of its weight, which for an exported network is that of its parameter."""
    psnr: float
    """PSNR in dB of the output against that in floating point, over all calibration images; infinite if it is equal."""


def sensitivity(content: bytes, calibration: Sequence[ArrayLike], settings: Quantisation) -> list[LayerError]:
    """Measure every layer with weights; the most sensitive one, with the least PSNR, comes first.

    Args:
        content: See `srbench.deploying.quantisation.quantise`, as for the others and the errors.
        calibration: The images on which layers are calibrated and compared.
        settings: How to quantise; ``float_layers`` does not matter.
    """
    images = check_images(calibration)
    model = prepare(content)
    return _measured(model, calibrate(model, images, settings), images, settings)


def most_sensitive(
    model: ModelProto, ranges: TensorsData, images: Sequence[Array], settings: Quantisation
) -> tuple[str, ...]:
    """Return the names of the ``settings.float_layers`` most sensitive layers of a prepared and calibrated model."""
    return tuple(row.layer for row in _measured(model, ranges, images, settings)[: settings.float_layers])


def _measured(
    model: ModelProto, ranges: TensorsData, images: Sequence[Array], settings: Quantisation
) -> list[LayerError]:
    weights = {node.name: node.input[1] for node in model.graph.node if len(node.input) > 1}
    exact = list(run(session_of(model.SerializeToString()), images))
    rows = []
    for layer in layers(model):
        session = session_of(write(model, ranges, settings, only=[layer]))
        squares = [np.square(a.astype(np.float64) - b).mean() for a, b in zip(run(session, images), exact, strict=True)]
        error = float(np.mean(squares))
        rows.append(LayerError(layer, weights[layer], float(-10 * np.log10(error)) if error else float("inf")))
    return sorted(rows, key=lambda row: row.psnr)
