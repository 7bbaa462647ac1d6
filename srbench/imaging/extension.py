"""Extend images beyond their edges, under each border convention in use."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from srbench.errors import UsageError

Border: TypeAlias = Literal["reflect", "replicate", "circular", "symmetric"]
"""What is beyond the edge: the mirrored image without the edge pixel (OpenCV's reflect101, SciPy's "mirror"; DASR,
KDSR, Real-ESRGAN, BSRGAN), the edge pixel repeated (MATLAB scripts of SRMD, RDN), the other side of the image (IRCNN,
USRNet, KAIR), or the mirrored image with the edge pixel (MATLAB's ``imresize``, SciPy's "reflect")."""


def check_border(border: Border) -> None:
    """Refuse a border that does not exist.

    Raises:
        UsageError: There is no such border.
    """
    if border not in get_args(Border):
        raise UsageError(f"There is no border {border!r}; choose one of {', '.join(get_args(Border))}.")


def pad(images: Tensor, rows: tuple[int, int], columns: tuple[int, int], border: Border) -> Tensor:
    """Extend images; borders wider than the image mirror or repeat it as often as it takes.

    Args:
        images: (N, C, H, W).
        rows: How many above and below.
        columns: How many to the left and right.
        border: What to extend with.
    """
    height, width = images.shape[-2:]
    if border != "symmetric" and max(rows) < height and max(columns) < width:
        return F.pad(images, (*columns, *rows), mode=border)
    for dim, side, (before, after) in ((-2, height, rows), (-1, width, columns)):
        images = images.index_select(dim, sources(side, before, after, border).to(images.device))
    return images


def sources(side: int, before: int, after: int, border: Border) -> Tensor:
    """Find the pixel that is shown at each place from ``−before`` to ``side − 1 + after``."""
    places = torch.arange(-before, side + after)
    if border == "replicate":
        return places.clamp(0, side - 1)
    if border == "circular":
        return places % side
    if border == "symmetric":
        there = places % (2 * side)
        return torch.minimum(there, 2 * side - 1 - there)
    there = places % max(2 * side - 2, 1)
    return torch.minimum(there, 2 * side - 2 - there)


def margins(side: int, flip: bool) -> tuple[int, int]:
    """Count a kernel's pixels before and after the one that is on the computed pixel; ``flip`` turns the kernel."""
    before = side - 1 - side // 2 if flip else (side - 1) // 2
    return before, side - 1 - before
