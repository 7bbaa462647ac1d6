"""The two passes of a resize in float32 on a CPU, where nothing but the values is wanted.

Matrix products as narrow as a resize needs leave most of a CPU idle. Two kernels made for other things do not: an
output row is a weighted sum of a few rows, which is what an embedding bag computes, and along a row the same weights
come again and again, which is a convolution with strides. Neither serves everywhere: gradients of gradients, forward
derivatives, irregular scales and other precisions are why `resize` has its own matrix products.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.autograd.forward_ad import unpack_dual

from srbench.errors import UsageError
from srbench.imaging.resampling import Pattern, Taps

# Input pixels, planes together, from which on this is the faster way; measured.
_LARGE = 2**18


def can_do(image: torch.Tensor, taps: Taps, vertical: bool) -> bool:
    """Whether size and scale suit, only the values of the result matter, and convolutions keep full float32."""
    convolution = getattr(torch.backends.mkldnn, "conv", None)  # torch ≥ 2.9
    return (
        image.numel() >= _LARGE
        and (vertical or taps.pattern is not None)
        and image.device.type == "cpu"
        and type(image) is torch.Tensor  # no fake tensor, nor any other that watches what is done to it
        and not torch._C._functorch.is_functorch_wrapped_tensor(image)  # by vmap, jvp, …
        and unpack_dual(image).tangent is None  # type: ignore[no-untyped-call]
        and not (image.requires_grad and torch.is_grad_enabled())
        and not torch.compiler.is_compiling()
        and getattr(convolution, "fp32_precision", "none") in ("none", "ieee")
    )


def resample(image: torch.Tensor, taps: Taps, vertical: bool) -> torch.Tensor:
    """Resize the height or the width of ``(…, H, W)`` float32."""
    if vertical:
        return _resample_rows(image, taps)
    if taps.pattern is None:
        raise UsageError("This scale has no pattern along the rows; ask `can_do` first.")
    return _resample_columns(image, taps, taps.pattern)


def _resample_rows(image: torch.Tensor, taps: Taps) -> torch.Tensor:
    *planes, height, width = image.shape
    out = len(taps.indices)
    table = image.reshape(-1, width)
    first_rows = torch.arange(0, len(table), height)[:, None, None]
    indices = (first_rows + torch.from_numpy(taps.indices)).flatten(0, 1)
    weights = torch.from_numpy(taps.weights).to(image.dtype).repeat(len(first_rows), 1)
    return F.embedding_bag(indices, table, mode="sum", per_sample_weights=weights).view(*planes, out, width)


def _resample_columns(image: torch.Tensor, taps: Taps, pattern: Pattern) -> torch.Tensor:
    rows = image.reshape(-1, image.shape[-1])
    out = len(taps.indices)
    resized = rows.new_empty(len(rows), out)
    first, times, step, table = pattern
    stop = first + times * len(table)
    # In strides of channels last, which have the outputs of one window side by side, as they stand in the row.
    weights = torch.from_numpy(table).to(rows.dtype)[:, None, None]
    windows = F.conv2d(rows[None, :, :, None].permute(0, 3, 1, 2), weights, stride=(1, step))
    resized[:, first:stop].view(len(rows), times, -1).copy_(windows[0, :, :, :times].permute(1, 2, 0))
    for some in (slice(0, first), slice(stop, out)):
        if some.start < some.stop:
            start, table = taps.block(some.start, some.stop)
            pixels = rows[:, start : start + table.shape[1]]
            # float64: these columns are few, and so no lowered float32 precision reaches them
            resized[:, some] = pixels.double() @ torch.from_numpy(table).mT
    return resized.view(*image.shape[:-1], out)
