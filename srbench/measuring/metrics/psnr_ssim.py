"""PSNR, and structural similarity as its authors' MATLAB code defines it.

Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, IEEE TIP 13(4), 2004.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from srbench.errors import ShapeError, UsageError

_WINDOW = 11
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03
# Images are processed in strips that fit the processor's cache, and filtered by banded matrices, which multiply some
# zeros but are matrix products: measured as twice as fast as one pass over whole images, 15 times as fast as `conv2d`.
_STRIP = 64
_BLOCK = 16
_GPU_STRIP = 512


def psnr(sr: torch.Tensor, hr: torch.Tensor, *, data_range: float) -> torch.Tensor:
    """Compute ``10·log10(data_range² / mse)`` of each image, in dB and in float64.

    Args:
        sr: ``(N, C, H, W)``, floating point or uint8.
        hr: The ground truth, of the same shape.
        data_range: White minus black: 1 for images in [0, 1], 255 for 8-bit images, and the same for their luma.

    Returns:
        ``(N,)`` float64; infinite for equal images.

    Raises:
        ShapeError: If the shapes differ, or are not ``(N, C, H, W)``.
        UsageError: If ``data_range`` is not a positive number.
    """
    check_pair(sr, hr, "PSNR")
    _check_range(data_range, "PSNR")
    mse = (_in_double(sr) - _in_double(hr)).square().mean(dim=(1, 2, 3))
    return 20 * math.log10(data_range) - 10 * torch.log10(mse)


def ssim(sr: torch.Tensor, hr: torch.Tensor, *, data_range: float) -> torch.Tensor:
    """Compute SSIM: 11×11 Gaussian window of σ 1.5, valid region, population covariance, mean over channels.

    Equal to ``skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)``.
    Computed in float64; equal images give exactly 1. The arguments are those of `psnr`.

    Returns:
        ``(N,)`` float64, at most 1.

    Raises:
        ShapeError: If the shapes differ, are not ``(N, C, H, W)``, or a side is shorter than the window.
        UsageError: If ``data_range`` is not a positive number.
    """
    check_pair(sr, hr, "SSIM")
    _check_range(data_range, "SSIM")
    height, width = sr.shape[-2:]
    if min(height, width) < _WINDOW:
        raise ShapeError(f"SSIM needs images of at least {_WINDOW}×{_WINDOW} pixels, not {height}×{width}.")
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    scores = [_mean_similarity(x, y, c1, c2) for x, y in zip(sr.flatten(0, 1), hr.flatten(0, 1), strict=True)]
    # Matrix products may round the same numbers differently in two columns; equal images still get exactly 1.
    equal = (sr == hr).flatten(2).all(dim=2)
    return torch.stack(scores).view(sr.shape[:2]).where(~equal, 1.0).mean(dim=1)


def _mean_similarity(x: torch.Tensor, y: torch.Tensor, c1: float, c2: float) -> torch.Tensor:
    """Compute the mean of the SSIM map of one plane ``(H, W)``."""
    rows, columns = (side - _WINDOW + 1 for side in x.shape)
    step = _STRIP if x.device.type in ("cpu", "mps") else _GPU_STRIP
    sums = []
    for top in range(0, rows, step):
        strip = slice(top, min(top + step, rows) + _WINDOW - 1)
        a, b = _in_double(x[strip]), _in_double(y[strip])
        maps = torch.stack([a, b, a * a + b * b, a * b], dim=1)
        sums += [_similarity(blurred, c1, c2).sum() for blurred in _blur(maps)]
    return torch.stack(sums).sum() / (rows * columns)


def _similarity(blurred: torch.Tensor, c1: float, c2: float) -> torch.Tensor:
    """Compute the SSIM map from the blurred x, y, x² + y² and x·y, which are in dimension 1.

    If x = y, numerator and denominator are equal to the last bit.
    """
    mean_x, mean_y, squares, product = blurred.unbind(1)
    means = mean_x * mean_y
    mean_squares = mean_x * mean_x + mean_y * mean_y
    numerator = (2 * means + c1) * (2 * (product - means) + c2)
    return numerator / ((mean_squares + c1) * (squares - mean_squares + c2))


def _blur(maps: torch.Tensor) -> list[torch.Tensor]:
    """Apply the Gaussian window to ``(H, maps, W)``, valid region only.

    Returns:
        Pieces of the result, each with the maps in dimension 1 and its pixels in the fastest order.
    """
    count, width = maps.shape[1:]
    rows, columns = maps.shape[0] - _WINDOW + 1, width - _WINDOW + 1
    lines = maps.flatten(1)
    parts = []
    for top in range(0, rows, _BLOCK):
        size = min(_BLOCK, rows - top)
        parts.append(_band(size, maps) @ lines.narrow(0, top, size + _WINDOW - 1))
    lines = torch.cat(parts).view(rows * count, width)
    blocks, rest = divmod(columns, _BLOCK)
    pieces = []
    if blocks:
        # one batched product over overlapping views, which are not copied
        windows = lines[:, : blocks * _BLOCK + _WINDOW - 1].unfold(1, _BLOCK + _WINDOW - 1, _BLOCK).transpose(0, 1)
        blurred = torch.bmm(windows, _band(_BLOCK, maps).mT.expand(blocks, -1, -1))
        pieces.append(blurred.view(blocks, rows, count, _BLOCK).permute(0, 2, 1, 3))
    if rest:
        pieces.append((lines[:, blocks * _BLOCK :] @ _band(rest, maps).mT).view(rows, count, rest))
    return pieces


def _band(count: int, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(_band_table(count)).to(like.device)


@lru_cache(maxsize=_BLOCK)
def _band_table(count: int) -> NDArray[np.float64]:
    """Make the window as a matrix ``(count, count + 10)`` from input pixels to output pixels."""
    window = np.exp(-((np.arange(_WINDOW) - _WINDOW // 2) ** 2) / (2 * _SIGMA**2))
    window /= window.sum()
    table = np.zeros((count, count + _WINDOW - 1))
    for row in range(count):
        table[row, row : row + _WINDOW] = window
    return table


def check_pair(sr: torch.Tensor, hr: torch.Tensor, metric: str) -> None:
    """Raise `ShapeError` unless sr and hr have one shape ``(N, C, H, W)``, are not empty, and are on one device."""
    if sr.shape != hr.shape:
        raise ShapeError(
            f"{metric} was given sr of shape {tuple(sr.shape)} and hr of shape {tuple(hr.shape)}; make them equal."
        )
    if sr.ndim != 4 or 0 in sr.shape:
        raise ShapeError(f"{metric} was given images of shape {tuple(sr.shape)}; it needs (N, C, H, W), not empty.")
    if sr.device != hr.device:
        raise ShapeError(f"{metric} was given sr on {sr.device} and hr on {hr.device}; put both on one device.")


def _check_range(data_range: float, metric: str) -> None:
    """Raise `UsageError` unless white minus black is a positive number."""
    if not (math.isfinite(data_range) and data_range > 0):
        raise UsageError(f"{metric} was given data_range {data_range}; give white minus black: 1, or 255 for 8 bits.")


def _in_double(image: torch.Tensor) -> torch.Tensor:
    """Convert to float64, on the image's device, or on the CPU if the device has no float64 (Apple's)."""
    return image.to("cpu", torch.float64) if image.device.type == "mps" else image.to(torch.float64)
