"""Images whose pixels say where they are, and a degradation that keeps them readable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from helpers.training import BICUBIC
from srbench.imaging.files import to_uint8

NEAREST = replace(BICUBIC, name="nearest", apply=lambda hr, scale, generator: hr[..., ::scale, ::scale])


def numbered(count: int = 6, height: int = 40, width: int = 50) -> list[np.ndarray]:
    """Images whose pixels say where they are: (row, column, image)."""
    rows, columns = np.mgrid[:height, :width]
    return [np.stack((rows, columns, np.full_like(rows, n)), axis=-1).astype(np.uint8) for n in range(count)]


def levels(tensor: torch.Tensor) -> np.ndarray:
    return to_uint8(tensor).permute(0, 2, 3, 1).numpy().astype(int)
