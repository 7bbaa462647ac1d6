"""The regions of training images: rows that are trained on, and rows that are held out to measure progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from srbench.errors import DataError
from srbench.scales import Scale, hr_side, next_whole
from srbench.training.patches.pixels import Index, PixelFile

HELD_OUT_IMAGES = 8
"""Largest number of images with held-out rows; at most a quarter of all images have some."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Some images, each with the row at which its held-out rows begin; every array has one entry per image."""

    part: Index
    """The training set."""
    number: Index
    """The image in the set."""
    border: Index
    """Rows above it are trained on, the others are held out; the image's height if nothing is held out."""
    widths: Index
    """In pixels."""

    def __len__(self) -> int:
        return len(self.part)

    def of(self, chosen: Index) -> Region:
        """Return the images at ``chosen``, in that order."""
        return Region(self.part[chosen], self.number[chosen], self.border[chosen], self.widths[chosen])


def divide(hr: Sequence[PixelFile], sides: Mapping[Scale, int], reserve: int) -> tuple[Region, Region, tuple[str, ...]]:
    """Divide the pixels of training sets into those that are trained on and those that are held out.

    Args:
        hr: The HR images of each set.
        sides: Side of an LR patch at each scale.
        reserve: Side of an HR patch for which rows are held out, if it is larger than all of ``sides``.

    Returns:
        The images to train on, those with held-out rows, and notes for people.

    Raises:
        DataError: No image is large enough for a patch.
    """
    part = np.concatenate([np.full(len(images), n) for n, images in enumerate(hr)])
    number = np.concatenate([np.arange(len(images)) for images in hr])
    heights, widths = (np.concatenate([getattr(images, side) for images in hr]) for side in ("heights", "widths"))
    names = [name for images in hr for name in images.names]
    scale, side = max(sides.items(), key=lambda item: hr_side(item[1], item[0]))
    need, shorter = hr_side(side, scale), np.minimum(heights, widths)
    large = shorter >= need
    if not large.any():
        raise DataError(
            f"None of the {len(names)} training images holds a patch of {need} x {need} pixels (LR patch {side} at "
            f"x{scale}); choose a smaller patch in the recipe, or larger images."
        )
    reserve = max(reserve, need)
    strip = reserve + next_whole(max(sides))  # one row of LR pixels more, so that it starts on a pixel of every scale
    held = _held_out(heights, shorter >= reserve, strip, strip + reserve)
    border = heights.copy()
    border[held] -= strip
    everything = Region(part, number, border, widths)
    usable = np.flatnonzero(np.minimum(border, widths) >= need)
    small = [name for name, fits in zip(names, large, strict=True) if not fits]
    return everything.of(usable), everything.of(held), _notes(small, len(names), need)


def _held_out(heights: Index, roomy: Index, strip: int, preferred: int) -> Index:
    """Choose the images that get held-out rows: preferably tall ones that keep rows to train on."""
    count = min(HELD_OUT_IMAGES, int(roomy.sum()) // 4)
    tall = np.flatnonzero(roomy & (heights >= preferred))
    if len(tall) < count:  # small images: some are held out as a whole
        tall = np.flatnonzero(roomy & (heights >= strip))
    count = min(count, len(tall))
    chosen: Index = tall[np.linspace(0, len(tall) - 1, count).astype(int)] if count else tall[:0]
    return chosen


def _notes(small: Sequence[str], count: int, need: int) -> tuple[str, ...]:
    if not small:
        return ()
    shown = ", ".join(small[:5]) + (", …" if len(small) > 5 else "")
    return (f"{len(small)} of {count} training images are too small for a patch of side {need}: {shown}.",)
