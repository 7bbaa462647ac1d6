"""The speed of resizing and measuring images, against the libraries in common use."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity

from benchmarks.rows import Row, compare
from srbench.imaging import imresize
from srbench.measuring.metrics.psnr_ssim import psnr, ssim

_HEIGHT, _WIDTH = 1356, 2040  # of a DIV2K photograph


def rows() -> list[Row]:
    """Every comparison of this file."""
    return [*(resize_against_interpolate(scale) for scale in (2, 3, 4)), measuring_against_skimage()]


def resize_against_interpolate(scale: int) -> Row:
    """Shrink an RGB photograph in float32."""
    image = _photograph(3).float()
    batch = image[None]
    ratio = compare(
        lambda: imresize(image, scale=1 / scale),
        lambda: F.interpolate(batch, scale_factor=1 / scale, mode="bicubic", antialias=True),
    )
    return Row(f"imresize x1/{scale}", "torch interpolate, antialiased", ratio, "≥ 1 (as fast)", ratio >= 1)


def measuring_against_skimage() -> Row:
    """Compute PSNR and SSIM of the luma of a photograph in float64."""
    hr = _photograph(1)[None] * 255
    sr = hr + 5 * torch.sin(hr)
    first, second = sr[0, 0].numpy(), hr[0, 0].numpy()
    ratio = compare(
        lambda: (psnr(sr, hr, data_range=255), ssim(sr, hr, data_range=255)),
        lambda: structural_similarity(first, second, data_range=255),
    )
    return Row("psnr and ssim", "scikit-image structural_similarity alone", 1 / ratio, "≤ 1 times the time", ratio >= 1)


def _photograph(channels: int) -> torch.Tensor:
    """Make an image with structure at every size, ``(channels, H, W)`` float64 in [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, channels, 40, 60, generator=generator, dtype=torch.float64)
    smooth = F.interpolate(coarse, size=(_HEIGHT, _WIDTH), mode="bilinear")[0]
    return 0.9 * smooth + 0.1 * torch.rand(channels, _HEIGHT, _WIDTH, generator=generator, dtype=torch.float64)
