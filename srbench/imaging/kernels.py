"""Blur kernels, many at once: Gaussians and their relatives, the sinc of ringing, motion; to pad, cut and shift them.

The functions that make kernels take numbers or ``(N,)`` tensors and return ``(N, side, side)`` float64 that sums to
one, rows from top to bottom and columns from left to right. x is the column and y the row, counted from the kernel's
middle, so that angles turn clockwise in the displayed image.

Papers disagree on what a kernel's width is. Here a ``sigma`` is always a standard deviation in pixels (DASR, KDSR, DAN,
Real-ESRGAN). For papers whose λ is a variance (SRMD, BSRGAN, KernelGAN) there is `gaussian_of_variances`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from srbench.errors import ShapeError, UsageError

Values: TypeAlias = float | Sequence[float] | Tensor
"""One number for all kernels or one for each."""

Centre: TypeAlias = Literal["middle", "pixel"]
"""Where a kernel of even side has its peak: between the middle four pixels (MATLAB's ``fspecial``, SRMD), or on pixel
``side // 2`` (DASR, KDSR), which moves the image by half a pixel. For odd sides both are the same."""

_NARROWEST = 1e-3
"""Standard deviation in pixels below which a Gaussian is computed as its limit: one pixel, or one line of pixels."""


def gaussian(
    side: int, sigma_x: Values, sigma_y: Values, theta: Values = 0.0, *, centre: Centre = "middle", offset: float = 0.0
) -> Tensor:
    """Make Gaussians ``exp(−q/2)`` of any direction, where q is the squared distance in standard deviations.

    Args:
        side: Side of the kernel in pixels.
        sigma_x: Standard deviation along the first axis, in pixels.
        sigma_y: Standard deviation along the second.
        theta: Angle from x to the first axis, in radians.
        centre: See `Centre`.
        offset: Moves the peak right and down by this many pixels; KernelGAN's and KAIR's ``gen_kernel`` has
            −(s − 1)/2 at scale s.

    Returns:
        (N, side, side) float64.
    """
    return _gaussian(_distance(side, sigma_x, sigma_y, theta, centre, offset))


def gaussian_of_variances(
    side: int,
    variance_x: Values,
    variance_y: Values,
    theta: Values = 0.0,
    *,
    centre: Centre = "middle",
    offset: float = 0.0,
) -> Tensor:
    """Make Gaussians from variances in pixels²: λ₁ and λ₂ of SRMD, KAIR and BSRGAN."""
    widths = _column(variance_x).sqrt().flatten(), _column(variance_y).sqrt().flatten()
    return gaussian(side, *widths, theta, centre=centre, offset=offset)


def isotropic(side: int, sigma: Values, *, centre: Centre = "middle") -> Tensor:
    """Make round Gaussians."""
    return gaussian(side, sigma, sigma, centre=centre)


def fspecial(side: int, sigma: Values) -> Tensor:
    """Make MATLAB's ``fspecial('gaussian', side, sigma)``: round, peak in the middle, tails below ε·max cut off."""
    weights = _gaussian(_distance(side, sigma, sigma, 0.0, "middle", 0.0))
    peak = weights.amax(dim=(1, 2), keepdim=True)
    return _normalised(weights * (weights >= torch.finfo(torch.float64).eps * peak))


def generalized_gaussian(side: int, sigma_x: Values, sigma_y: Values, theta: Values, beta: Values) -> Tensor:
    """Make ``exp(−q^β/2)``: pointed below β = 1, flat-topped above (Liu et al. 2020, as Real-ESRGAN draws them)."""
    distance = _distance(side, sigma_x, sigma_y, theta, "middle", 0.0)
    return _normalised(torch.exp(-0.5 * distance ** _column(beta)))


def plateau(side: int, sigma_x: Values, sigma_y: Values, theta: Values, beta: Values) -> Tensor:
    """Make ``1 / (1 + q^β)``: flat in the middle, with heavy tails (Real-ESRGAN)."""
    distance = _distance(side, sigma_x, sigma_y, theta, "middle", 0.0)
    return _normalised(1 / (1 + distance ** _column(beta)))


def sinc(side: int, omega: Values) -> Tensor:
    """Make the circular low-pass filter ``ω J₁(ωr) / (2πr)``, cut to a square, as Real-ESRGAN does to add ringing.

    Args:
        side: Side of the kernel in pixels; odd.
        omega: Cut-off frequency in radians per pixel, at most π.
    """
    from scipy.special import j1  # slow to import, and seldom needed

    cutoff = _column(omega)
    radius = _distance(side, 1.0, 1.0, 0.0, "middle", 0.0).sqrt().to(cutoff.device)
    # SciPy's function is exact to the last digits; torch's is wrong from the eleventh.
    bessel = torch.from_numpy(j1((cutoff * radius).cpu().numpy())).to(radius.device)
    ring = cutoff * bessel / (2 * math.pi * radius)
    return _normalised(torch.where(radius == 0, cutoff.square() / (4 * math.pi), ring))


def motion(side: int, length: Values, angle: Values) -> Tensor:
    """Make the blur of a straight camera move: MATLAB's ``fspecial('motion', length, angle)`` in a square.

    The weight of a pixel is one minus its distance from a line of ``length`` pixels.

    Args:
        side: Side of the kernel in pixels; odd. If it is below the length plus 1, the line is cut.
        length: Length in pixels, at least 1.
        angle: Angle from the horizontal, counter-clockwise in the displayed image, in radians (MATLAB: degrees).
    """
    _check_side(side, odd=True)
    half, turn = (_column(length) - 1) / 2, _column(angle)
    if bool((half < 0).any()):
        raise UsageError("A motion blur was given a length below 1 pixel; give at least 1, which does not blur.")
    across = torch.arange(side, dtype=torch.float64, device=half.device) - side // 2
    x, y = across.view(1, 1, -1), -across.view(1, -1, 1)
    along, beside = x * turn.cos() + y * turn.sin(), y * turn.cos() - x * turn.sin()
    beyond = torch.hypot(x, y) >= half
    distance = torch.where(beyond, torch.hypot(beside, half - along.abs()), beside.abs())
    return _normalised((1 - distance).clamp(min=0))


def pad_to(kernels: Tensor, side: int) -> Tensor:
    """Pad kernels (N, k, k) with zeros to a larger ``side``, which must be odd if k is odd and even if k is even."""
    missing = side - kernels.shape[-1]
    if missing < 0 or missing % 2:
        raise ShapeError(f"Kernels of side {kernels.shape[-1]} cannot be put into the middle of side {side}.")
    return F.pad(kernels, (missing // 2,) * 4)


def cut_to(kernels: Tensor, side: int) -> Tensor:
    """Cut kernels (…, k, k) to a smaller ``side``, odd if k is odd and even if k is even; their sum is 1 again."""
    spare = kernels.shape[-1] - side
    if spare < 0 or spare % 2:
        raise ShapeError(f"Kernels of side {kernels.shape[-1]} have no middle of side {side}.")
    if spare == 0:
        return kernels
    middle = kernels[..., spare // 2 : spare // 2 + side, spare // 2 : spare // 2 + side]
    return middle / middle.sum(dim=(-2, -1), keepdim=True)


def shift(kernels: Tensor, scale: int) -> Tensor:
    """Move kernels up and left by (scale − 1)/2 pixels, so that ``[0::scale]`` after a convolution lands in the middle.

    This is BSRGAN's ``shift_pixel``: values are interpolated linearly between pixels and repeated beyond the edge. Use
    it with true convolution (``flip=True`` of `srbench.imaging.filtering.filter2d`); a correlation would double the
    shift instead of removing it. The sum may change slightly; divide by it where that matters.

    Args:
        kernels: (N, h, w).
        scale: Factor of the sub-sampling.
    """
    for dim in (-2, -1):
        last = kernels.shape[dim] - 1
        at = (torch.arange(last + 1, device=kernels.device, dtype=torch.float64) + (scale - 1) / 2).clamp(max=last)
        before = at.floor().long()
        after = (before + 1).clamp(max=last)
        part = (at - before).to(kernels.dtype)
        part = part.unsqueeze(-1) if dim == -2 else part
        kernels = kernels.index_select(dim, before) * (1 - part) + kernels.index_select(dim, after) * part
    return kernels


def _column(values: Values) -> Tensor:
    """(N, 1, 1) float64, on the device of the values."""
    return torch.as_tensor(values, dtype=torch.float64).reshape(-1, 1, 1)


def _distance(side: int, sigma_x: Values, sigma_y: Values, theta: Values, centre: Centre, offset: float) -> Tensor:
    """Squared distance pᵀ Σ⁻¹ p of every pixel from the peak, (N, side, side)."""
    _check_side(side)
    widths = _column(sigma_x), _column(sigma_y)
    if not all(bool(((width >= 0) & width.isfinite()).all()) for width in widths):
        raise UsageError("A kernel was given a width that is negative or not finite; give widths in pixels from 0.")
    turn = _column(theta).to(widths[0].device)
    middle = {"middle": (side - 1) / 2, "pixel": side // 2}[centre] + offset
    steps = torch.arange(side, dtype=torch.float64, device=turn.device) - middle
    x, y = steps.view(1, 1, -1), steps.view(1, -1, 1)
    first, second = x * turn.cos() + y * turn.sin(), y * turn.cos() - x * turn.sin()
    # clamped, since a width of 0 would give 0/0
    return (first / widths[0].clamp(min=_NARROWEST)).square() + (second / widths[1].clamp(min=_NARROWEST)).square()


def _gaussian(distance: Tensor) -> Tensor:
    # softmax does not underflow where a narrow Gaussian has its peak between pixels
    return torch.softmax(-0.5 * distance.flatten(1), 1).view_as(distance)


def _normalised(weights: Tensor) -> Tensor:
    return weights / weights.sum(dim=(1, 2), keepdim=True)


def _check_side(side: int, *, odd: bool = False) -> None:
    if side < 1 or (odd and side % 2 == 0):
        raise UsageError(f"A kernel was given side {side}; give {'an odd one' if odd else 'at least 1'}.")
