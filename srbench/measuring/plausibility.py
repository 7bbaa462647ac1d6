"""A quick check of given weights: does the network restore a photograph about as well as interpolation does?

Weights for another scale, input range or order of colours often fit a network exactly and give images that are wrong.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from srbench.imaging.files import read_image
from srbench.imaging.pixels import to_tensor
from srbench.imaging.resize import imresize
from srbench.measuring.inference import super_resolve
from srbench.measuring.metrics.psnr_ssim import psnr
from srbench.measuring.protocol import Inference
from srbench.networks.network import Network
from srbench.scales import Scale, crop_size, hr_size, lr_size, next_whole

TOLERANCE_DB = 0.5
"""What is further below bicubic interpolation is doubted; A2N, given 0 to 1 instead of 0 to 255, is 0.9 dB below."""
RANGE_MARGIN_DB = 1.0
"""If the other usual input range scores higher by this, the declared one is doubted. CoMoNet, given 0 to 255 instead of
0 to 1, stays above bicubic interpolation and loses 1.7 dB at x2; other official checkpoints lose 2.9 dB or more."""
_LR_SIDE = 48
_PHOTOGRAPH_SIDE = 512
_FACE_AT = 128
"""The column where the part of the photograph with most detail begins, at x2 to x8."""


def doubt_about_weights(network: Network, scale: Scale, device: torch.device) -> str:
    """Say what is wrong with how a network restores a photograph that comes with scikit-image.

    Args:
        network: In eval mode on ``device``.
        scale: Its factor.
        device: Where to compute.

    Returns:
        A sentence; empty if input of the other usual range (0 to 1, 0 to 255) does not score higher by
        ``RANGE_MARGIN_DB``, and bicubic interpolation not by ``TOLERANCE_DB``, or if there is no photograph. Empty too
        for networks that draw one of many sr, which may well be below interpolation.
    """
    photograph = _photograph()
    spec = network.spec
    if photograph is None or scale == 1 or spec.several_passes:
        return ""
    whole = crop_size((_PHOTOGRAPH_SIDE, _PHOTOGRAPH_SIDE), scale)
    low_height, low_width = (min(_LR_SIDE, side) for side in lr_size(whole, scale))
    height, width = hr_size((low_height, low_width), scale)
    left = min(_FACE_AT, _PHOTOGRAPH_SIDE - width)
    hr = to_tensor(read_image(photograph))[None, :, :height, left : left + width].to(device)
    lr = imresize(hr, size=(low_height, low_width), rounding="uint8")
    shave = next_whole(scale)
    plain = _psnr(imresize(lr, size=(height, width)), hr, shave)
    found = _psnr(super_resolve(network, lr, scale, Inference()), hr, shave)
    other_range, other = (255.0 if spec.input_range == 1 else 1.0), float("-inf")
    with suppress(Exception):  # a network may refuse such input
        changed = Network(replace(spec, input_range=other_range), network.module)
        other = _psnr(super_resolve(changed, lr, scale, Inference()), hr, shave)
    if other >= plain - TOLERANCE_DB and not found >= other - RANGE_MARGIN_DB:  # nor is NaN
        return (
            f"On a photograph, these weights of {spec.name} give {found:.1f} dB at x{scale} for input from 0 to "
            f"{spec.input_range:g}, which the architecture declares, and {other:.1f} dB for input from 0 to "
            f"{other_range:g}; correct its input_range, or use the architecture with which they were trained."
        )
    if found >= plain - TOLERANCE_DB:
        return ""
    return (
        f"On a photograph, these weights of {spec.name} give {found:.1f} dB at x{scale} and bicubic interpolation "
        f"{plain:.1f} dB; unless they were trained for looks or for other degradations, check that they are for this "
        "scale, and for the input range and the order of colours that the architecture declares."
    )


def _psnr(sr: Tensor, hr: Tensor, shave: int) -> float:
    inner = (..., slice(shave, -shave), slice(shave, -shave))
    return float(psnr(sr.clamp(0, 1)[inner], hr[inner], data_range=1))


def _photograph() -> Path | None:
    package = find_spec("skimage")
    paths = (Path(place) / "data" / "astronaut.png" for place in (package and package.submodule_search_locations) or ())
    return next((path for path in paths if path.is_file()), None)
