"""What is cut off images, or added to them, before a network or a metric sees them."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from srbench.errors import ShapeError


def mod_crop(image: torch.Tensor, scale: int) -> torch.Tensor:
    """Crop at the bottom and right so that both sides divide by the scale.

    Args:
        image: ``(…, H, W)``.
        scale: Up-sampling factor, at least 1.

    Returns:
        A view ``(…, H − H mod scale, W − W mod scale)``.

    Raises:
        ShapeError: If nothing would be left.
    """
    height, width = image.shape[-2:]
    if min(height, width) < scale:
        raise ShapeError(f"An image of {height}×{width} has no pixel left when cropped to multiples of {scale}.")
    return image[..., : height - height % scale, : width - width % scale]


def shave(image: torch.Tensor, pixels: int) -> torch.Tensor:
    """Remove pixels at every edge.

    Args:
        image: ``(…, H, W)``.
        pixels: How many, on each of the four sides; 0 leaves the image as it is.

    Returns:
        A view ``(…, H − 2·pixels, W − 2·pixels)``.

    Raises:
        ShapeError: If nothing would be left, or ``pixels`` is negative.
    """
    height, width = image.shape[-2:]
    if pixels < 0 or min(height, width) <= 2 * pixels:
        raise ShapeError(f"{pixels} pixels cannot be shaved off each side of an image of {height}×{width}.")
    return image[..., pixels : height - pixels, pixels : width - pixels]


def pad_to_multiple(
    lr: torch.Tensor, multiple: int | tuple[int, int], minimum: int = 1
) -> tuple[torch.Tensor, tuple[int, int]]:
    """Pad at the bottom and right to sides that a network accepts.

    The image is mirrored without repeating its edge; a side too short to be mirrored that far repeats its edge pixel.

    Args:
        lr: ``(N, C, H, W)`` or ``(C, H, W)``.
        multiple: What both sides, or ``(height, width)``, must divide by.
        minimum: The least side.

    Returns:
        The padded image (``lr`` itself where nothing is missing) and the ``(height, width)`` it had; crop the output of
        the network to ``scale`` times those.

    Raises:
        ShapeError: If ``multiple`` or ``minimum`` is below 1.
    """
    multiples = (multiple, multiple) if isinstance(multiple, int) else multiple
    if min(*multiples, minimum) < 1:
        raise ShapeError(f"Sides cannot be padded to multiples of {multiple} and at least {minimum}; both start at 1.")
    height, width = lr.shape[-2:]
    padded = lr
    for side, step, edges in ((width, multiples[1], (0, 1)), (height, multiples[0], (2, 3))):
        missing = -(-max(side, minimum) // step) * step - side
        if missing:
            padding = [0, 0, 0, 0]
            padding[edges[1]] = missing
            padded = F.pad(padded, padding, mode="reflect" if missing < side else "replicate")
    return padded, (height, width)


def pad_beyond(lr: torch.Tensor, multiple: int) -> tuple[torch.Tensor, tuple[int, int]]:
    """Pad at the bottom and right to the next multiple beyond each side, so by a whole one where the side fits already.

    The image is mirrored with its edge repeated. SwinIR's test script and those after it do so, and their published
    scores are of images padded this way.

    Args:
        lr: ``(…, H, W)``.
        multiple: What both sides will divide by.

    Returns:
        The padded image and the ``(height, width)`` it had, as `pad_to_multiple`.

    Raises:
        ShapeError: If ``multiple`` is below 1.
    """
    if multiple < 1:
        raise ShapeError(f"Sides cannot be padded beyond multiples of {multiple}; these start at 1.")
    height, width = lr.shape[-2:]
    for dim, side in ((-2, height), (-1, width)):
        there = torch.arange((side // multiple + 1) * multiple, device=lr.device) % (2 * side)
        lr = lr.index_select(dim, torch.minimum(there, 2 * side - 1 - there))
    return lr, (height, width)
