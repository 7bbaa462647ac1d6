"""Structural similarity (Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13(4), 2004), as their MATLAB code defines it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from srbench.errors import ShapeError
from srbench.metrics.pairs import check_pair, check_range, in_double

_WINDOW = 11
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03
# The image is worked through in strips that fit the processor's cache, and filtered by banded matrices, which multiply
# some zeros but run as matrix products; measured on CPU.
_STRIP = 64
_COLUMNS = 24


def ssim(sr: torch.Tensor, hr: torch.Tensor, *, data_range: float) -> torch.Tensor:
    """SSIM of each image: 11×11 Gaussian window of σ 1.5, valid region, population covariance, mean over channels.

    Equal to ``skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)``.
    Computed in float64; equal images give exactly 1.

    Args:
        sr: ``(N, C, H, W)``, floating point or uint8, both sides at least 11.
        hr: The truth, of the same shape.
        data_range: White minus black: 1 for images in [0, 1], 255 for 8-bit ones, and the same for their luma.

    Returns:
        ``(N,)`` float64, at most 1.

    Raises:
        ShapeError: If the shapes differ, are not ``(N, C, H, W)``, or a side is shorter than the window.
        UsageError: If ``data_range`` is not a positive number.
    """
    check_pair(sr, hr, "SSIM")
    check_range(data_range, "SSIM")
    height, width = sr.shape[-2:]
    if min(height, width) < _WINDOW:
        raise ShapeError(f"SSIM needs images of at least {_WINDOW}×{_WINDOW} pixels, not {height}×{width}.")
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    rows, columns = height - _WINDOW + 1, width - _WINDOW + 1
    sums = []
    for top in range(0, rows, _STRIP):
        strip = slice(top, min(top + _STRIP, rows) + _WINDOW - 1)
        sums.append(_strip_sum(in_double(sr[..., strip, :]), in_double(hr[..., strip, :]), c1, c2))
    return torch.stack(sums).sum(dim=0).mean(dim=1) / (rows * columns)


def _strip_sum(x: torch.Tensor, y: torch.Tensor, c1: float, c2: float) -> torch.Tensor:
    """The SSIM map of a strip, summed over its pixels: ``(N, C)``."""
    # Written so that x = y makes numerator and denominator the same number bit for bit.
    mean_x, mean_y, squares, product = _blur(torch.stack([x, y, x * x + y * y, x * y]))
    means = mean_x * mean_y
    mean_squares = mean_x * mean_x + mean_y * mean_y
    similarity = (2 * means + c1) * (2 * (product - means) + c2)
    similarity = similarity / ((mean_squares + c1) * (squares - mean_squares + c2))
    return similarity.sum(dim=(-2, -1))


def _blur(maps: torch.Tensor) -> torch.Tensor:
    """The Gaussian window over ``(…, H, W)``, valid region only."""
    maps = _band(maps.shape[-2] - _WINDOW + 1, maps) @ maps
    columns = maps.shape[-1] - _WINDOW + 1
    parts = []
    for left in range(0, columns, _COLUMNS):
        count = min(_COLUMNS, columns - left)
        parts.append(maps.narrow(-1, left, count + _WINDOW - 1) @ _band(count, maps).mT)
    return torch.cat(parts, dim=-1)


def _band(count: int, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(_band_table(count)).to(like.device)


@lru_cache(maxsize=2 * _STRIP)
def _band_table(count: int) -> NDArray[np.float64]:
    """The window as a matrix ``(count, count + 10)`` from input pixels to output pixels."""
    window = np.exp(-((np.arange(_WINDOW) - _WINDOW // 2) ** 2) / (2 * _SIGMA**2))
    window /= window.sum()
    table = np.zeros((count, count + _WINDOW - 1))
    for row in range(count):
        table[row, row : row + _WINDOW] = window
    return table
