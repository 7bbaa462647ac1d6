"""Operations that are the same for images of every size, for networks that are turned into programs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srbench.imaging.resampling import KERNELS, Kernel

REACH = 2
"""How many pixels to each side of its own an enlarged pixel reads."""


def in_a_program() -> bool:
    """Return whether a network is being turned into a program that will get images of other sizes."""
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return tracing or torch.compiler.is_compiling()


def enlarging_weights(factor: int, kernel: Kernel = "bicubic") -> NDArray[np.float64]:
    """Return what each of the ``factor`` pixels that replace one takes from it and its neighbours.

    Returns:
        (2 · REACH + 1, factor); every column sums to one.
    """
    offset = (np.arange(factor) + 0.5) / factor - 0.5
    function, _ = KERNELS[kernel]
    return function(offset - np.arange(-REACH, REACH + 1)[:, None])


def enlarge(image: Tensor, weights: Tensor, dim: int) -> Tensor:
    """Enlarge one dimension by a whole number as a sum of shifted images, which is what `imresize` computes.

    Args:
        image: (…, H, W), floating point; it goes on mirrored beyond its edges, with the edge pixel repeated.
        weights: What `enlarging_weights` returns, in the dtype of the image.
        dim: −2 for the height, −1 for the width.
    """
    side = image.shape[dim]
    index = torch.arange(side + 2 * REACH, device=image.device) - REACH
    index = torch.where(index < 0, -1 - index, index)  # no remainder: ONNX has none by a side that is not known
    index = torch.where(index < side, index, 2 * side - 1 - index).clamp(min=0)  # negative for a side of one pixel
    padded = image.index_select(dim, index).unsqueeze(dim)
    weights = weights.unsqueeze(-1) if dim == -2 else weights
    enlarged = weights[0] * padded.narrow(dim - 1, 0, side)
    for tap in range(1, 2 * REACH + 1):
        enlarged = torch.addcmul(enlarged, weights[tap], padded.narrow(dim - 1, tap, side))
    return enlarged.flatten(dim - 1, dim)
