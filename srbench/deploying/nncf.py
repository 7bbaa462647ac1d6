"""Quantisation by the package NNCF, which corrects the biases of layers for the mean error of their rounded weights."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from srbench.deploying.qdq import Array, quiet
from srbench.deploying.settings import Quantisation
from srbench.errors import UnavailableError

if TYPE_CHECKING:
    from onnx import ModelProto


def quantise_by_nncf(
    model: ModelProto, images: Sequence[Array], settings: Quantisation, kept: Collection[str] = ()
) -> bytes:
    """Quantise a prepared model as `srbench.deploying.qdq.write` does, and correct the biases.

    NNCF's own defaults would use 7 bits of the weights, against the overflow of processors without VNNI, and the mean
    of the images' extremes as the range of an activation; here it uses 8 bits and the extremes, as onnxruntime does.

    Args:
        model: See `srbench.deploying.qdq.prepare`; not changed.
        images: Calibration images.
        settings: How to quantise.
        kept: Names of nodes that stay in floating point.

    Raises:
        UnavailableError: NNCF is missing.
    """
    try:
        import nncf
        from nncf.quantization.advanced_parameters import (
            AdvancedQuantizationParameters,
            OverflowFix,
            QuantizationParameters,
        )  # fmt: skip
        from nncf.quantization.range_estimator import RangeEstimatorParametersSet
    except ImportError as error:
        raise UnavailableError("The quantiser nncf needs the package of that name; install srbench[nncf].") from error
    nncf.set_log_level(logging.ERROR)
    name = model.graph.input[0].name
    with quiet():
        quantised = nncf.quantize(
            model,
            nncf.Dataset(images, lambda image: {name: image}),
            subset_size=len(images),
            fast_bias_correction=False,
            ignored_scope=nncf.IgnoredScope(names=list(kept)),
            advanced_parameters=AdvancedQuantizationParameters(
                overflow_fix=OverflowFix.DISABLE,
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
                weights_quantization_params=QuantizationParameters(per_channel=settings.per_channel),
            ),
        )
    content: bytes = quantised.SerializeToString(deterministic=True)
    return content
