"""Operations on blur kernels: pad, cut and move them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from srbench.errors import ShapeError


def pad_to(kernels: Tensor, side: int) -> Tensor:
    """Kernels of a larger side, zero around the given ones.

    Args:
        kernels: (N, k, k).
        side: As odd or even as k, and no less.
    """
    missing = side - kernels.shape[-1]
    if missing < 0 or missing % 2:
        raise ShapeError(f"Kernels of side {kernels.shape[-1]} cannot stand in the middle of side {side}.")
    return F.pad(kernels, (missing // 2,) * 4)


def cut_to(kernels: Tensor, side: int) -> Tensor:
    """The middle of kernels, which sums to one again.

    Args:
        kernels: (…, k, k).
        side: As odd or even as k, and no more.
    """
    spare = kernels.shape[-1] - side
    if spare < 0 or spare % 2:
        raise ShapeError(f"There is no middle of side {side} in kernels of side {kernels.shape[-1]}.")
    if spare == 0:
        return kernels
    middle = kernels[..., spare // 2 : spare // 2 + side, spare // 2 : spare // 2 + side]
    return middle / middle.sum(dim=(-2, -1), keepdim=True)


def shift(kernels: Tensor, scale: int) -> Tensor:
    """Move kernels up and left by (scale − 1)/2 pixels, so that ``[0::scale]`` after a convolution lands in the middle.

    BSRGAN's ``shift_pixel``: values are interpolated linearly between pixels and repeated beyond the edge. True
    convolution (``flip=True`` of `srbench.imaging.filtering.filter2d`) is meant; a correlation would double the shift
    that this takes away. The sum may change slightly; divide by it where that matters.

    Args:
        kernels: (N, h, w).
        scale: Of the sub-sampling.
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
