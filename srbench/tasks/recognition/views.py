"""What a student sees of an LR image: the small image, or an enlarged one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from srbench.imaging.resize import imresize

BLUR_SIGMA = 2.0
"""Standard deviation, in pixels, of the vertical blur of A-SKD's release; horizontally it is 0.1, which is none."""
BLUR_TAPS = 5


def _bicubic(lr: Tensor, size: tuple[int, int]) -> Tensor:
    return imresize(lr, size=size).clamp(0, 1)


def _nearest(lr: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(lr, size, mode="nearest")


def _askd(lr: Tensor, size: tuple[int, int]) -> Tensor:
    """Enlarge by nearest neighbours, then blur vertically, as A-SKD's release does; the border is reflected."""
    offsets = torch.arange(BLUR_TAPS, dtype=lr.dtype, device=lr.device) - BLUR_TAPS // 2
    kernel = torch.exp(-(offsets**2) / (2 * BLUR_SIGMA**2))
    kernel = (kernel / kernel.sum()).view(1, 1, -1, 1).expand(lr.shape[1], 1, -1, 1)
    padded = F.pad(_nearest(lr, size), (0, 0, BLUR_TAPS // 2, BLUR_TAPS // 2), mode="reflect")
    return F.conv2d(padded, kernel, groups=lr.shape[1])


VIEWS: Mapping[str, Callable[[Tensor, tuple[int, int]], Tensor]] = {
    "small": lambda lr, size: lr,  # noqa: ARG005
    "bicubic": _bicubic,
    "nearest": _nearest,
    "askd": _askd,
}
"""By name, ``view(lr, size)``: lr (N, C, h, w) in [0, 1] and the size of HR to what the network sees, in [0, 1]."""
