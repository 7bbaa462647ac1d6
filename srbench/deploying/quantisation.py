"""Post-training quantisation: an ONNX model in floating point becomes one in 8-bit integers, as one QDQ file.

```
settings = Quantisation()  # of srbench.deploying.settings; or read_quantisation("qdq-pc-entropy-float2")
lr, hr = calibration_patches(library, datasets, degradation, scale, settings)  # of srbench.deploying.calibration
learnt = read_learnt(weights_file)  # of srbench.deploying.learnt; None unless trained by the distiller qat
quantised = quantise(content, lr, settings, learnt, hr)  # bytes to bytes
rows = sensitivity(content, lr, settings)  # of srbench.deploying.sensitivity
```

QDQ means that the file holds pairs of QuantizeLinear and DequantizeLinear around operators in floating point, which
onnxruntime and OpenVINO both run in integers. Activations are uint8, weights int8 and symmetric. The same inputs give
the same bytes.

On x86 processors without VNNI, products of uint8 and int8 may saturate at 16 bits: `srbench.deploying.onnx_sessions`
avoids that in onnxruntime, and OpenVINO does not.
"""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from srbench.deploying.learnt import LearntRanges
from srbench.deploying.nncf import quantise_by_nncf
from srbench.deploying.qdq import calibrate, check_images, layers, prepare, write
from srbench.deploying.sensitivity import most_sensitive
from srbench.deploying.settings import Quantisation
from srbench.errors import UnavailableError


def quantise(
    content: bytes, calibration: Sequence[ArrayLike], settings: Quantisation, learnt: LearntRanges | None = None,
    targets: Sequence[ArrayLike] | None = None,
) -> bytes:  # fmt: skip
    """Quantise an ONNX model; the result takes and returns floating point as before.

    Input and output are known to be images: the input's range is [0, 1], and the output is clipped to it before its
    last shuffle of pixels, as scoring does anyway. So no level is spent on values that no image has.

    Args:
        content: A model with one input, lr (N, C, h, w) in [0, 1], and one output, sr.
        calibration: Arrays or tensors (C, h, w) or (1, C, h, w) in [0, 1], all of one size.
        settings: How to quantise.
        learnt: What quantisation-aware training has learnt, see `srbench.deploying.learnt.read_learnt`: it goes before
            calibration. The quantiser nncf ignores it.
        targets: The hr of the calibration images, for ``settings.max_drop``.

    Returns:
        The quantised model.

    Raises:
        DataError: The calibration images differ in size, do not fit the model, or are not in [0, 1].
        ExportError: It is not a model that can be quantised.
        UnavailableError: A package is missing, or the targets are.
    """
    if settings.max_drop is not None and targets is None:
        raise UnavailableError(f"{settings.id} limits the loss of PSNR, which needs hr; measure it in a suite.")
    images = check_images(calibration)
    model = prepare(content)
    ranges = calibrate(model, images, settings, learnt)
    kept = most_sensitive(model, ranges, images, settings) if settings.float_layers else ()
    if settings.quantiser == "nncf":
        return quantise_by_nncf(model, images, settings, kept, targets)
    only = [layer for layer in layers(model) if layer not in kept] if settings.layers_only else ()
    return write(model, ranges, settings, only=only, kept=kept, learnt=learnt)
