"""Crop, shave, pad and extend images at their borders."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from srbench.errors import ShapeError, UsageError
from srbench.imaging.programs import in_a_program
from srbench.scales import Scale, crop_size

Border: TypeAlias = Literal["reflect", "replicate", "circular", "symmetric"]
"""How an image goes on beyond its edges: mirrored without the edge pixel (OpenCV's reflect101, SciPy's "mirror"; DASR,
KDSR, Real-ESRGAN, BSRGAN), with the edge pixel repeated (MATLAB scripts of SRMD, RDN), with its other side (IRCNN,
USRNet, KAIR), or mirrored with the edge pixel (MATLAB's ``imresize``, SciPy's "reflect")."""


def mod_crop(image: Tensor, scale: Scale) -> Tensor:
    """Crop ``(…, H, W)`` at the bottom and right so that both sides divide by the scale; return a view.

    At a real scale they become `srbench.scales.crop_size`.

    Raises:
        ShapeError: If nothing would be left.
    """
    height, width = image.shape[-2:]
    rows, columns = crop_size((height, width), scale)
    if not rows or not columns:
        raise ShapeError(f"An image of {height}×{width} has no pixel left when cropped to multiples of {scale}.")
    return image[..., :rows, :columns]


def centre_crop(image: Tensor, side: int, step: int = 1) -> Tensor:
    """Cut the middle ``side`` x ``side`` pixels out of ``(…, H, W)``; return a view.

    Args:
        image: The image.
        side: Pixels of both sides of the result.
        step: What the place of its corner divides by, so that hr with the scale as its step and lr show the same.

    Raises:
        ShapeError: A side of the image is shorter, or ``side`` does not divide by ``step``.
    """
    height, width = image.shape[-2:]
    if side % step:
        raise ShapeError(f"A crop of {side} pixels does not divide by {step}; give a multiple.")
    if min(height, width) < side:
        raise ShapeError(f"An image of {height}×{width} has no middle of {side}×{side} pixels.")
    top, left = ((length // step - side // step) // 2 * step for length in (height, width))
    return image[..., top : top + side, left : left + side]


def shave(image: Tensor, pixels: int) -> Tensor:
    """Remove so many pixels at each of the four edges of ``(…, H, W)``; return a view.

    Raises:
        ShapeError: If nothing would be left, or ``pixels`` is negative.
    """
    height, width = image.shape[-2:]
    if pixels < 0 or min(height, width) <= 2 * pixels:
        raise ShapeError(f"{pixels} pixels cannot be shaved off each side of an image of {height}×{width}.")
    return image[..., pixels : height - pixels, pixels : width - pixels]


def pad_to_multiple(lr: Tensor, multiple: int | tuple[int, int], minimum: int = 1) -> tuple[Tensor, tuple[int, int]]:
    """Pad at the bottom and right to sides that a network accepts.

    The image is mirrored without repeating its edge; a side too short to be mirrored that far repeats its edge pixel.

    Args:
        lr: ``(N, C, H, W)`` or ``(C, H, W)``.
        multiple: What both sides, or ``(height, width)``, must divide by.
        minimum: The smallest side.

    Returns:
        The padded image (``lr`` itself if it fits) and the ``(height, width)`` it had; crop the output of the network
        to ``scale`` times those.

    Raises:
        ShapeError: If ``multiple`` or ``minimum`` is below 1.
    """
    multiples = (multiple, multiple) if isinstance(multiple, int) else multiple
    if min(*multiples, minimum) < 1:
        raise ShapeError(f"Sides cannot be padded to multiples of {multiple} and at least {minimum}; give 1 or more.")
    height, width = lr.shape[-2:]
    padded = lr
    for dim, side, step in ((-1, width, multiples[1]), (-2, height, multiples[0])):
        if in_a_program() and side >= max(step, minimum):
            padded = _mirrored(padded, dim, step) if step > 1 else padded
            continue
        missing = -(-max(side, minimum) // step) * step - side
        if missing:
            padding = [0, 0, 0, 0]
            padding[1 if dim == -1 else 3] = missing
            padded = F.pad(padded, padding, mode="reflect" if missing < side else "replicate")
    return padded, (height, width)


def _mirrored(lr: Tensor, dim: int, step: int) -> Tensor:
    """Pad a side to a multiple of ``step`` with the same operations for every side of at least ``step`` pixels."""
    last = lr.shape[dim] - 1
    places = torch.arange((last // step + 1) * step, device=lr.device)
    return lr.index_select(dim, last - (last - places).abs())


def pad_beyond(lr: Tensor, multiple: int) -> tuple[Tensor, tuple[int, int]]:
    """Pad ``(…, H, W)`` to the next multiple beyond each side, so that a side that fits grows by a whole multiple.

    The image is mirrored at the bottom and right with its edge repeated. SwinIR's test script and its successors do
    this, so it is part of their published scores. Returns the same as `pad_to_multiple`.

    Raises:
        ShapeError: If ``multiple`` is below 1.
    """
    if multiple < 1:
        raise ShapeError(f"Sides cannot be padded beyond multiples of {multiple}; give 1 or more.")
    height, width = lr.shape[-2:]
    rows, columns = ((0, multiple - side % multiple) for side in (height, width))
    return pad(lr, rows, columns, "symmetric"), (height, width)


def check_border(border: Border) -> None:
    """Raise `UsageError` if a border is unknown."""
    if border not in get_args(Border):
        raise UsageError(f"The border {border!r} is unknown; choose one of {', '.join(get_args(Border))}.")


def pad(images: Tensor, rows: tuple[int, int], columns: tuple[int, int], border: Border) -> Tensor:
    """Extend images by ``rows`` above and below, and by ``columns`` to the left and right.

    A border wider than the image mirrors or repeats it several times.
    """
    height, width = images.shape[-2:]
    if border != "symmetric" and max(rows) < height and max(columns) < width:
        return F.pad(images, (*columns, *rows), mode=border)
    for dim, side, (before, after) in ((-2, height, rows), (-1, width, columns)):
        images = images.index_select(dim, sources(side, before, after, border).to(images.device))
    return images


def sources(side: int, before: int, after: int, border: Border) -> Tensor:
    """Return the index of the pixel at each place of the extended image, from ``−before`` to ``side − 1 + after``."""
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


def margins(side: int) -> tuple[int, int]:
    """Count a kernel's pixels before and after the one on the computed pixel; it may be flipped."""
    before = (side - 1) // 2
    return before, side - 1 - before
