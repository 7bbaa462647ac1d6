"""Bicubic reduction by Pillow on 8-bit images, with which LIIF and its successors make lr at real and large scales.

Pillow's kernel is that of MATLAB's imresize (a = -0.5, widened by the scale). Beyond the edges it leaves pixels out
instead of mirroring the image, and it computes in fixed point, rounding after each of the two passes.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

import srbench
from srbench.degrading import describe_chain


def reduce(hr: Tensor, scale: srbench.Scale, generator: Generator) -> Tensor:  # noqa: ARG001 - nothing is random
    """Shrink hr (N, C, H, W) in [0, 1], rounded to 8 bits, to the size of lr, (N, C, h, w)."""
    levels = (hr.detach() * 255).round().clamp(0, 255).to(torch.uint8)
    return _resized(levels, scale).to(hr) / 255


def reduce_unrounded(hr: Tensor, scale: srbench.Scale, generator: Generator) -> Tensor:  # noqa: ARG001
    """Shrink hr (N, C, H, W) without any rounding, in single precision; the result may leave [0, 1] at sharp edges."""
    return _resized(hr.detach().float(), scale).to(hr)


def _resized(planes: Tensor, scale: srbench.Scale) -> Tensor:
    """Resize every plane of (N, C, H, W), uint8 or float32, as an image with one channel."""
    count, channels, *sides = planes.shape
    height, width = srbench.lr_size((sides[0], sides[1]), scale)
    images = map(Image.fromarray, planes.cpu().numpy().reshape(-1, *sides))
    small = np.stack([np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)) for image in images])
    return torch.from_numpy(small).view(count, channels, height, width)


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide Pillow's bicubic reduction."""
    return [
        srbench.DegradationSpec(
            name="pil_bicubic",
            label="bicubic (Pillow)",
            apply=reduce,
            unrounded=reduce_unrounded,
            any_scale=True,
            stochastic=False,
            describe=describe_chain(),
            paper=srbench.Paper(
                title="Learning Continuous Image Representation with Local Implicit Image Function",
                venue="CVPR",
                year=2021,
                url="https://arxiv.org/abs/2012.09161",
            ),
            notes="The LR of LIIF's tests at real scales and from x6.",
        )
    ]
