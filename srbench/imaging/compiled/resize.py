"""Both passes of a resize at once on a CPU, where nothing but the values is wanted: how LR of large images is made.

A row of the result needs a few rows of the image, and so little else that all of it fits the CPU's nearest cache: the
image is read from memory once. Gradients, other precisions and irregular scales are why `resize` has matrix products
beside this.
"""

from __future__ import annotations

import numpy as np
import torch

from srbench.errors import UsageError
from srbench.imaging.parallel import for_each, values_alone
from srbench.imaging.resampling import Taps

# Input pixels, planes together, from which on this is the faster way; measured.
_LARGE = 2**18


def can_do(image: torch.Tensor, columns: Taps) -> bool:
    """Whether the scale repeats itself along the rows, and only the values of a large image are asked for."""
    return image.numel() >= _LARGE and values_alone(image) and columns.period is not None


def resample(image: torch.Tensor, rows: Taps, columns: Taps) -> torch.Tensor:
    """Resize the height, then the width.

    Args:
        image: ``(…, H, W)``, float32, or uint8, whose values are rounded to levels after each pass.
        rows: Taps of the height.
        columns: Taps of the width, which have a period.

    Returns:
        ``(…, out_H, out_W)`` of the same dtype.

    Raises:
        UsageError: The columns have no period.
    """
    from srbench.imaging.compiled.resampling import resample_rows  # imports a compiler

    period = columns.period
    if period is None:
        raise UsageError("This scale has no period along the rows; ask `can_do` first.")
    planes = image.detach().reshape(-1, *image.shape[-2:]).contiguous().numpy()
    resized = np.empty((len(planes), len(rows.indices), len(columns.indices)), planes.dtype)
    tables = rows.indices, rows.weights.astype(np.float32), columns.indices, columns.weights.astype(np.float32)
    bands = np.linspace(0, resized.shape[1], torch.get_num_threads() + 1).astype(int)

    def resample_band(number: int) -> None:
        resample_rows(planes, *tables, period, bands[number], bands[number + 1], resized)

    for_each(len(bands) - 1, resample_band)
    return torch.from_numpy(resized).view(*image.shape[:-2], *resized.shape[1:])
