"""How far a program's images are from those of the network that it was made of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

SIZES = ((0, 5), (17, 8), (10, 27))
"""The heights and widths of the compared images, in pixels above the smallest side."""
EXAMPLE = (13, 20)
"""The size that a program is made from, likewise."""


def image(count: int, colours: int, least: int, above: tuple[int, int], step: int = 1) -> Tensor:
    """Return random images (count, colours, height, width) in [0, 1], always the same.

    Args:
        count: How many.
        colours: Their channels.
        least: The smallest side that the network takes.
        above: By how much height and width are larger.
        step: Both are the next multiples of it.
    """
    height, width = (-(-(least + side) // step) * step for side in above)
    return torch.rand(count, colours, height, width, generator=torch.Generator().manual_seed(height))


def difference(module: nn.Module, run: Callable[[Tensor], Tensor], lr: Tensor) -> Tensor:
    """Return by how much each value of a program's sr is off, where white is 1.

    Where the network's own values go beyond 1, the largest is taken for white.

    Raises:
        ValueError: The program makes an image of another shape.
    """
    with torch.no_grad():
        wanted, found = module(lr), run(lr)
    if found.shape != wanted.shape:
        raise ValueError(f"the program makes {tuple(found.shape)} of {tuple(lr.shape)}, not {tuple(wanted.shape)}")
    away: Tensor = ((found - wanted).abs() / max(1.0, float(wanted.abs().max()))).nan_to_num(nan=float("inf"))
    return away
