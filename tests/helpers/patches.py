"""Images whose pixels say where they are, and a degradation that keeps them readable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from helpers.training import BICUBIC
from srbench.degrading.spec import DegradationSpec
from srbench.imaging.pixels import to_uint8
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.cutting import Patches
from srbench.training.patches.images import TrainingImages

NEAREST = replace(BICUBIC, name="nearest", apply=lambda hr, scale, generator: hr[..., ::scale, ::scale])


def numbered(count: int = 6, height: int = 40, width: int = 50) -> list[np.ndarray]:
    """Images whose pixels say where they are: (row, column, image)."""
    rows, columns = np.mgrid[:height, :width]
    return [np.stack((rows, columns, np.full_like(rows, n)), axis=-1).astype(np.uint8) for n in range(count)]


def levels(tensor: torch.Tensor) -> np.ndarray:
    return to_uint8(tensor).permute(0, 2, 3, 1).numpy().astype(int)


def patches_of(
    *sets: TrainingImages,
    degradation: DegradationSpec = NEAREST,
    scales: Sequence[int] = (2,),
    patch: int | Mapping[int, int] = 6,
    luma: bool = False,
    **options: object,
) -> Patches:
    """Cut patches of one size, or of a size for each scale, from training sets."""
    sides = patch if isinstance(patch, Mapping) else dict.fromkeys(scales, patch)
    given = {"batch": 16, "augment": True, "seed": 3}
    return Patches(AlignedImages(sets, scales, degradation, luma=luma), sides=sides, **(given | options))
