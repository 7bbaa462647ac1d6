"""Both passes of a resize at once on a CPU, where nothing but the values is wanted: how LR of large images is made.

A row of the result needs a few rows of the image, and so little else that all of it fits the CPU's nearest cache: the
image is read from memory once. Gradients, other precisions and irregular scales are why `resize` has matrix products
beside this.
"""

from __future__ import annotations

from itertools import pairwise
from threading import Thread

import numpy as np
import torch
from torch.autograd.forward_ad import unpack_dual

from srbench.errors import UsageError
from srbench.imaging.resampling import Taps

# Input pixels, planes together, from which on this is the faster way; measured.
_LARGE = 2**18


def can_do(image: torch.Tensor, columns: Taps) -> bool:
    """Whether the scale repeats itself along the rows, and only the values of a large image are asked for."""
    return (
        image.numel() >= _LARGE
        and image.device.type == "cpu"
        and type(image) is torch.Tensor  # no fake tensor, nor any other that watches what is done to it
        and not torch._C._functorch.is_functorch_wrapped_tensor(image)  # by vmap, jvp, …
        and unpack_dual(image).tangent is None  # type: ignore[no-untyped-call]
        and not (image.requires_grad and torch.is_grad_enabled())
        and not torch.compiler.is_compiling()
        and columns.period is not None
    )


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
    from srbench.imaging.resampling_loops import resample_rows  # imports a compiler

    period = columns.period
    if period is None:
        raise UsageError("This scale has no period along the rows; ask `can_do` first.")
    planes = image.detach().reshape(-1, *image.shape[-2:]).contiguous().numpy()
    resized = np.empty((len(planes), len(rows.indices), len(columns.indices)), planes.dtype)
    tables = rows.indices, rows.weights.astype(np.float32), columns.indices, columns.weights.astype(np.float32)
    bands = np.linspace(0, resized.shape[1], torch.get_num_threads() + 1).astype(int)

    def resample_band(start: int, stop: int) -> None:
        resample_rows(planes, *tables, period, start, stop, resized)

    others = [Thread(target=resample_band, args=band) for band in pairwise(bands[1:])]
    for thread in others:
        thread.start()
    resample_band(bands[0], bands[1])
    for thread in others:
        thread.join()
    return torch.from_numpy(resized).view(*image.shape[:-2], *resized.shape[1:])
