"""JPEG as arithmetic on tensors: for batches with a quality for each image, and differentiable on demand.

It changes pixels as the codec does (4:2:0 chroma, cosine transforms of 8 × 8 blocks, quantisation) and omits what only
files need. Unlike a real codec it takes any real quality, does not round colours and pixels to 8 bits, and enlarges
chroma without smoothing. The exact pixels of a codec are in `srbench.imaging.codecs`.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from srbench.errors import ShapeError, UsageError
from srbench.imaging.kernels import Values
from srbench.imaging.parallel import compiled_serves, in_shares

_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Quantisation steps of luma at quality 50, by vertical and horizontal frequency (ITU-T T.81, table K.1)."""

_CHROMINANCE = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))
"""Quantisation steps of chroma at quality 50 (table K.2); 99 at every higher frequency."""

_TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_TO_RGB = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]])
"""Full-range colours of JFIF, without the offset of 128."""


def diffjpeg(
    images: Tensor,
    quality: Values,
    *,
    luminance_table: Literal["transposed", "standard"] = "transposed",
    differentiable: bool = False,
) -> Tensor:
    """Compress and decompress, as the DiffJPEG of Real-ESRGAN does.

    Args:
        images: (N, 3, H, W) RGB or (N, 1, H, W) grey; values beyond [0, 1] are clamped. The last blocks are filled
            with black at the bottom and right.
        quality: Between 0 and 100, both excluded; one real number for all images or one for each.
        luminance_table: "transposed" exchanges horizontal and vertical frequencies of luma, as DiffJPEG's published
            code does; "standard" is what codecs do.
        differentiable: Round by ``round(x) + (x − round(x))³`` (Shin and Song 2017), which has a gradient.

    Returns:
        (N, C, H, W) in [0, 1].

    Raises:
        ShapeError: If the images are neither RGB nor grey.
        UsageError: If a quality is out of range.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ShapeError(
            f"JPEG was given images of shape {tuple(images.shape)}; give RGB (N, 3, H, W) or grey (N, 1, H, W)."
        )
    if images.shape[1] == 1:  # converted to RGB it has no chroma, and stays grey
        rgb = images.expand(-1, 3, -1, -1)
        return diffjpeg(rgb, quality, luminance_table=luminance_table, differentiable=differentiable)[:, :1]
    factors = _factors(quality)
    if not differentiable and len(factors) in (1, len(images)) and compiled_serves(images, factors):
        return _by_loops(images, factors, luminance_table)
    height, width = images.shape[-2:]
    factor = factors.to(images).view(-1, 1, 1, 1, 1, 1)
    padded = F.pad(images.clamp(0, 1), (0, -width % 16, 0, -height % 16))
    whole, halved = _cosines(), _cosines() @ _pairs()
    luma, chroma = (
        _requantised(planes, _table(channel, luminance_table).to(images) * factor, transform.to(images), differentiable)
        for channel, planes, transform in (
            ("luma", _mixed(padded, 255 * _TO_YCBCR[:1]) - 128, whole),
            ("chroma", _mixed(padded, 255 * _TO_YCBCR[1:]), halved),
        )
    )
    rgb = _mixed(torch.cat([luma + 128, chroma], 1), _TO_RGB / 255)
    return rgb[..., :height, :width].clamp(0, 1)


def _by_loops(images: Tensor, factors: Tensor, luminance_table: Literal["transposed", "standard"]) -> Tensor:
    from srbench.imaging.compiled.jpeg import requantise  # imports a compiler

    images = images.detach().contiguous()
    result = torch.empty_like(images)
    planes, out = images.numpy(), result.numpy()
    luma, chroma = (_table(channel, luminance_table).view(8, 8) for channel in ("luma", "chroma"))
    to_ycbcr, to_rgb = _TO_YCBCR.astype(np.float32), (_TO_RGB / 255).astype(np.float32)
    each = factors.detach().expand(len(images)).view(-1, 1, 1)
    of_luma, of_chroma = (luma * each).float().numpy(), (chroma * each).float().numpy()

    def do_some(share: slice) -> None:
        requantise(planes[share], of_luma[share], of_chroma[share], to_ycbcr, to_rgb, out[share])

    in_shares(len(planes), do_some)
    return result


def _requantised(planes: Tensor, steps: Tensor, transform: Tensor, differentiable: bool) -> Tensor:
    """Round the coefficients of all blocks to multiples of ``steps`` (N, 1, 1, 8, 1, 8).

    ``transform`` (8, side) maps the pixels along a block to frequencies; its transpose times side / 8 maps them back.
    """
    count, channels, height, width = planes.shape
    side = transform.shape[1]
    down, across = height // side, width // side
    # rows, then columns of all blocks at once, without moving pixels
    lines = (planes.reshape(-1, side) @ transform.mT).view(count, channels, down, side, across * 8)
    coefficients = (transform @ lines).view(count, channels, down, 8, across, 8) / steps
    rounded = coefficients.round()
    if differentiable:
        rounded = rounded + (coefficients - rounded) ** 3
    back = transform * (side / 8)
    lines = back.mT @ (rounded * steps).view(count, channels, down, 8, across * 8)
    return (lines.view(-1, 8) @ back).view_as(planes)


def _mixed(images: Tensor, matrix: NDArray[np.float64]) -> Tensor:
    """Return weighted sums of the colours, (N, rows of the matrix, H, W)."""
    return (images.new_tensor(matrix) @ images.flatten(2)).view(len(images), -1, *images.shape[-2:])


def _factors(quality: Values) -> Tensor:
    """Return libjpeg's factors of the tables, without its rounding and its lower limit of one step."""
    values = torch.as_tensor(quality, dtype=torch.float64).reshape(-1)
    if not bool(((values > 0) & (values < 100)).all()):
        raise UsageError(f"JPEG was given the quality {values.tolist()}; give numbers between 0 and 100.")
    return torch.where(values < 50, 5000 / values, 200 - 2 * values) / 100


def _cosines() -> Tensor:
    """Make the orthonormal cosine transform of eight numbers, (8, 8)."""
    steps = torch.arange(8, dtype=torch.float64)
    waves = torch.cos(math.pi / 8 * (steps + 0.5) * steps.view(-1, 1)) / 2
    waves[0] /= math.sqrt(2)
    return waves


def _pairs() -> Tensor:
    """Make the matrix that averages pairs of sixteen numbers; twice its transpose repeats eight numbers."""
    return torch.eye(8, dtype=torch.float64).repeat_interleave(2, 1) / 2


def _table(channel: str, luminance: str) -> Tensor:
    if channel == "luma":
        table = torch.tensor(_LUMINANCE, dtype=torch.float64)
        table = table.mT if luminance == "transposed" else table
    else:
        table = torch.full((8, 8), 99.0, dtype=torch.float64)
        table[:4, :4] = torch.tensor(_CHROMINANCE, dtype=torch.float64)
    return table.reshape(8, 1, 8)
