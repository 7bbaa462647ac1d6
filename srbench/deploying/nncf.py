"""Quantisation by the package NNCF, which corrects the biases of layers for the mean error of their rounded weights.

It can also limit the loss: layers go back to floating point until the PSNR of the calibration patches is high enough.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from srbench.deploying.qdq import Array, check_images, quiet, run, session_of
from srbench.deploying.settings import Quantisation
from srbench.errors import DataError, UnavailableError

if TYPE_CHECKING:
    from onnx import ModelProto


def quantise_by_nncf(
    model: ModelProto, images: Sequence[Array], settings: Quantisation, kept: Collection[str] = (),
    targets: Sequence[ArrayLike] | None = None,
) -> bytes:  # fmt: skip
    """Quantise a prepared model as `srbench.deploying.qdq.write` does, and correct the biases.

    NNCF's own defaults would use 7 bits of the weights, against the overflow of processors without VNNI, and the mean
    of the images' extremes as the range of an activation; here it uses 8 bits and the extremes, as onnxruntime does.

    Args:
        model: See `srbench.deploying.qdq.prepare`; not changed.
        images: Calibration images.
        settings: How to quantise.
        kept: Names of nodes that stay in floating point.
        targets: The hr of the images, which the loss of ``settings.max_drop`` is measured by.

    Raises:
        DataError: The targets are not as many as the images, or of other sizes than the model's sr.
        UnavailableError: NNCF is missing.
    """
    try:
        import nncf
        from nncf.quantization.advanced_parameters import (
            AdvancedAccuracyRestorerParameters,
            AdvancedQuantizationParameters,
            OverflowFix,
            QuantizationParameters,
        )
        from nncf.quantization.range_estimator import RangeEstimatorParametersSet
    except ImportError as error:
        raise UnavailableError("The quantiser nncf needs the package of that name; install srbench[nncf].") from error
    nncf.set_log_level(logging.ERROR)
    name = model.graph.input[0].name
    calibration = nncf.Dataset(images, lambda image: {name: image})
    ignored = nncf.IgnoredScope(names=list(kept))
    parameters = AdvancedQuantizationParameters(
        overflow_fix=OverflowFix.DISABLE,
        activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
        weights_quantization_params=QuantizationParameters(per_channel=settings.per_channel),
    )
    with quiet():
        if settings.max_drop is None or targets is None:
            quantised = nncf.quantize(
                model, calibration, subset_size=len(images), fast_bias_correction=False, ignored_scope=ignored,
                advanced_parameters=parameters,
            )  # fmt: skip
        else:
            pairs = nncf.Dataset([*zip(images, _targets(images, targets), strict=True)])
            quantised = nncf.quantize_with_accuracy_control(
                model, calibration, pairs, _psnr, max_drop=settings.max_drop, subset_size=len(images),
                fast_bias_correction=False, ignored_scope=ignored, advanced_quantization_parameters=parameters,
                advanced_accuracy_restorer_parameters=AdvancedAccuracyRestorerParameters(num_ranking_workers=1),
            )  # fmt: skip
    content: bytes = quantised.SerializeToString(deterministic=True)
    return content


def _targets(images: Sequence[Array], targets: Sequence[ArrayLike]) -> list[Array]:
    """Return the targets as (1, C, H, W), one for each image.

    Raises:
        DataError: There are more or fewer.
    """
    if len(targets) != len(images):
        raise DataError(f"There are {len(images)} calibration images and {len(targets)} targets; give one for each.")
    return check_images(targets)


def _psnr(model: ModelProto, pairs: Iterable[tuple[Array, Array]]) -> tuple[float, list[float]]:
    """Return the mean PSNR in dB of what a model makes of lr, all channels together, and that of each image."""
    session, found = session_of(model.SerializeToString()), []
    for lr, hr in pairs:
        (sr,) = run(session, [lr])
        if sr.shape != hr.shape:
            raise DataError(f"The model makes {sr.shape} of a calibration image, and its target is {hr.shape}.")
        error = float(np.square(sr.astype(np.float64).clip(0, 1) - hr).mean())
        found.append(-10 * math.log10(max(error, 1e-10)))
    return math.fsum(found) / len(found), found
