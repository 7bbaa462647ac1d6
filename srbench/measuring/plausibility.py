"""A quick check of given weights: does the network restore a photograph about as well as interpolation does?

Weights for another scale, input range or order of colours often fit a network exactly and give images that are wrong.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch

from srbench.imaging.files import read_image
from srbench.imaging.pixels import to_tensor
from srbench.imaging.resize import imresize
from srbench.measuring.inference import super_resolve
from srbench.measuring.metrics.psnr_ssim import psnr
from srbench.measuring.protocol import Inference
from srbench.naming import Scale
from srbench.networks.network import Network

TOLERANCE_DB = 0.5
"""What is further below bicubic interpolation is doubted; A2N, given 0 to 1 instead of 0 to 255, is 0.9 dB below."""
_LR_SIDE = 48
_PHOTOGRAPH_SIDE = 512
_FACE_AT = 128
"""The column where the part of the photograph with most detail begins, at x2 to x8."""


def doubt_about_weights(network: Network, scale: Scale, device: torch.device) -> str:
    """Say how far a network is below bicubic interpolation on a photograph that comes with scikit-image.

    Args:
        network: In eval mode on ``device``.
        scale: Its factor.
        device: Where to compute.

    Returns:
        A sentence; empty if the difference is below ``TOLERANCE_DB``, or there is no photograph.
    """
    photograph = _photograph()
    if photograph is None or scale == 1:
        return ""
    side = min(_LR_SIDE, _PHOTOGRAPH_SIDE // scale) * scale
    left = min(_FACE_AT, _PHOTOGRAPH_SIDE - side)
    hr = to_tensor(read_image(photograph))[None, :, :side, left : left + side].to(device)
    lr = imresize(hr, scale=1 / scale, rounding="uint8")
    found, plain = (
        float(psnr(sr.clamp(0, 1)[..., scale:-scale, scale:-scale], hr[..., scale:-scale, scale:-scale], data_range=1))
        for sr in (super_resolve(network, lr, scale, Inference()), imresize(lr, scale=scale))
    )
    if found >= plain - TOLERANCE_DB:  # NaN is not
        return ""
    return (
        f"On a photograph, these weights of {network.spec.name} give {found:.1f} dB at x{scale} and bicubic "
        f"interpolation {plain:.1f} dB; unless they were trained for looks or for other degradations, check that they "
        "are for this scale, and for the input range and the order of colours that the architecture declares."
    )


def _photograph() -> Path | None:
    package = find_spec("skimage")
    paths = (Path(place) / "data" / "astronaut.png" for place in (package and package.submodule_search_locations) or ())
    return next((path for path in paths if path.is_file()), None)
