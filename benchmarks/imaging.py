"""How fast images are resized and measured, against what the field uses."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity

from benchmarks.rows import Row, compare
from srbench.imaging import imresize
from srbench.measuring.metrics.psnr import psnr
from srbench.measuring.metrics.ssim import ssim

# A DIV2K photograph.
_HEIGHT, _WIDTH = 1356, 2040


def rows() -> list[Row]:
    """Every comparison of this file."""
    resizing = [resize_against_row_loop(scale, dtype) for dtype in (torch.float32, torch.uint8) for scale in (2, 3, 4)]
    return [*resizing, resize_against_interpolate(), measuring_against_skimage()]


def resize_against_row_loop(scale: int, dtype: torch.dtype) -> Row:
    """Making the LR image of an RGB photograph, in float32 or from 8-bit levels to 8-bit levels."""
    levels = dtype == torch.uint8
    image = _photograph(3)[:, : _HEIGHT // scale * scale, : _WIDTH // scale * scale]
    image = (image * 255).round().to(dtype) if levels else image.to(dtype, memory_format=torch.contiguous_format)
    ratio = compare(
        lambda: imresize(image, scale=1 / scale, rounding="uint8" if levels else "none"),
        lambda: levels_by_rows(image, 1 / scale) if levels else resize_by_rows(image, 1 / scale),
    )
    what = f"imresize ×1/{scale}, {str(dtype).removeprefix('torch.')}"
    return Row(what, "a Python loop over rows and columns", ratio, "≥ 20 times as fast", ratio >= 20)


def resize_against_interpolate() -> Row:
    """×1/2 of an RGB photograph in float32."""
    image = _photograph(3).float()
    batch = image[None]
    ratio = compare(
        lambda: imresize(image, scale=0.5),
        lambda: F.interpolate(batch, scale_factor=0.5, mode="bicubic", antialias=True),
    )
    return Row("imresize", "torch interpolate, antialiased", 1 / ratio, "≤ 5 times the time", 1 / ratio <= 5)


def measuring_against_skimage() -> Row:
    """PSNR and SSIM of the luma of a photograph, float64."""
    hr = _photograph(1)[None] * 255
    sr = hr + 5 * torch.sin(hr)
    first, second = sr[0, 0].numpy(), hr[0, 0].numpy()
    ratio = compare(
        lambda: (psnr(sr, hr, data_range=255), ssim(sr, hr, data_range=255)),
        lambda: structural_similarity(first, second, data_range=255),
    )
    return Row("psnr and ssim", "scikit-image structural_similarity alone", 1 / ratio, "≤ 1 times the time", ratio >= 1)


def resize_by_rows(image: torch.Tensor, scale: float) -> torch.Tensor:
    """MATLAB's bicubic down-sampling of ``(C, H, W)`` as Python ports of it go about it.

    The image is extended by its mirrored border; then every output row of every channel is one product of a matrix and
    a vector, and after that every output column.
    """
    for dim in (1, 2):
        side = image.shape[dim]
        out = math.ceil(side * scale)
        taps = math.ceil(4 / scale) + 2
        centre = (torch.arange(out, dtype=torch.float64) + 0.5) / scale - 0.5
        first = torch.floor(centre - 2 / scale).long()
        weights = _keys(scale * (centre[:, None] - first[:, None] - torch.arange(taps)))
        used = weights.any(dim=0).nonzero().flatten()
        first, weights = first + used[0], weights[:, used[0] : used[-1] + 1]
        taps = weights.shape[1]
        weights = (weights / weights.sum(1, keepdim=True)).to(image)
        mirrored = torch.arange(-taps, side + taps) % (2 * side)
        extended = image.index_select(dim, torch.where(mirrored < side, mirrored, 2 * side - 1 - mirrored))
        resized = image.new_zeros(*image.shape[:dim], out, *image.shape[dim + 1 :])
        for line in range(out):
            start = int(first[line]) + taps
            for channel in range(image.shape[0]):
                if dim == 1:
                    resized[channel, line] = extended[channel, start : start + taps].T.mv(weights[line])
                else:
                    resized[channel, :, line] = extended[channel, :, start : start + taps].mv(weights[line])
        image = resized
    return image


def levels_by_rows(image: torch.Tensor, scale: float) -> torch.Tensor:
    """`resize_by_rows` from uint8 to uint8, over float32 in [0, 1] as the field's scripts do it."""
    return resize_by_rows(image.float() / 255, scale).mul(255).round().clamp(0, 255).to(torch.uint8)


def _keys(x: torch.Tensor) -> torch.Tensor:
    x = x.abs()
    inner = 1.5 * x**3 - 2.5 * x**2 + 1
    outer = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, inner, torch.where(x <= 2, outer, torch.zeros_like(x)))


def _photograph(channels: int) -> torch.Tensor:
    """Something with structure at every size, ``(channels, H, W)`` float64 in [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, channels, 40, 60, generator=generator, dtype=torch.float64)
    smooth = F.interpolate(coarse, size=(_HEIGHT, _WIDTH), mode="bilinear")[0]
    return 0.9 * smooth + 0.1 * torch.rand(channels, _HEIGHT, _WIDTH, generator=generator, dtype=torch.float64)
