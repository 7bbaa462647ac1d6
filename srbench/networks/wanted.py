"""What a network is asked for: sr at a scale, or some of the pixels of sr."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from srbench.scales import Scale


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Some pixels of sr, of which each image of a batch may have another size."""

    sizes: Tensor
    """(N, 2): height and width of each image's sr, in pixels."""
    pixels: Tensor
    """(N, P, 2): row and column of each pixel."""


Wanted: TypeAlias = Scale | Points
"""What a network is called for: a scale, for whole images, or points of them."""
