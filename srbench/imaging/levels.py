"""8-bit levels, and how values that lie half-way between two of them are met alike on every machine."""

from __future__ import annotations

import torch
from torch import Tensor


def settled(levels: Tensor) -> Tensor:
    """Values on a fine grid: steps of 2^-20 levels in float64, of 2^-13 in float32.

    The sum of four pixels, a quarter each, is exactly half-way between two levels one time in four; which way it is
    rounded would otherwise depend on the last bits of the machine that added them.

    Args:
        levels: Of any shape, in units of 8-bit levels.

    Returns:
        The same shape and dtype.
    """
    step = 2.0**20 if levels.dtype == torch.float64 else 2.0**13
    return (levels * step).round() / step
