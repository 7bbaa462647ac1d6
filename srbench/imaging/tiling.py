"""Run a network over an image in tiles, in the chops of the EDSR family, or in eight orientations.

Each function takes a function from lr to sr and returns the sr of the whole image, so they nest:
``self_ensemble(lambda part: chopped(network, part, 2), lr)`` is how EDSR's code combines the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from srbench.errors import ShapeError, UsageError

Upscale = Callable[[torch.Tensor], torch.Tensor]

_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


class Window(NamedTuple):
    """One tile of an image, in pixels of lr."""

    top: int
    bottom: int
    left: int
    right: int

    def grown(self, margin: int, height: int, width: int) -> Window:
        """Return the tile with a margin, as far as the image reaches."""
        return Window(
            max(self.top - margin, 0), min(self.bottom + margin, height),
            max(self.left - margin, 0), min(self.right + margin, width),
        )  # fmt: skip

    def of(self, image: torch.Tensor) -> torch.Tensor:
        """Return the pixels of the tile, from (..., H, W)."""
        return image[..., self.top : self.bottom, self.left : self.right]

    def within(self, outer: Window, scale: int) -> Window:
        """Return where the tile is in the sr of a larger one, in pixels of sr."""
        return Window(
            (self.top - outer.top) * scale, (self.bottom - outer.top) * scale,
            (self.left - outer.left) * scale, (self.right - outer.left) * scale,
        )  # fmt: skip


def windows(height: int, width: int, tile: int) -> Iterator[Window]:
    """Cut an image into tiles of at most ``tile`` pixels a side, row by row."""
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            yield Window(top, min(top + tile, height), left, min(left + tile, width))


def tiled(
    upscale: Upscale, lr: torch.Tensor, scale: int, *, tile: int, overlap: int, whole: torch.Tensor | None = None
) -> torch.Tensor:
    """Up-scale tile by tile, so that memory does not grow with the image.

    The result equals that of the whole image if the network sees at most ``overlap`` pixels far; a network with global
    pooling or attention gives different values.

    Args:
        upscale: The network, ``(N, C, h, w)`` to ``(N, C, scale·h, scale·w)``.
        lr: ``(N, C, H, W)``.
        scale: Up-sampling factor.
        tile: Side of a tile in lr pixels, without the overlap; at least 1.
        overlap: Pixels of lr around a tile that the network also gets; at least 0.
        whole: Where to write the result; a new tensor if absent.

    Returns:
        ``(N, C, scale·H, scale·W)``.

    Raises:
        UsageError: If ``tile`` or ``overlap`` is too small.
        ShapeError: If the network gives another size than ``scale`` times its input.
    """
    if tile < 1 or overlap < 0:
        raise UsageError(f"Tiles of {tile} pixels with an overlap of {overlap} are impossible; give at least 1 and 0.")
    height, width = lr.shape[-2:]
    for window in windows(height, width, tile):
        outer = window.grown(overlap, height, width)
        sr = window.within(outer, scale).of(_upscaled(upscale, outer.of(lr), scale))
        if whole is None:
            whole = sr.new_empty((*sr.shape[:-2], scale * height, scale * width))
        window.within(Window(0, height, 0, width), scale).of(whole).copy_(sr)
    return lr if whole is None else whole


def self_ensemble(upscale: Upscale, lr: torch.Tensor) -> torch.Tensor:
    """Average the outputs for eight orientations: the "+" of EDSR+, RCAN+ and others (EDSR, CVPRW 2017, sec. 3.3).

    Every combination of a flip along the width, a flip along the height and a transposition is applied in that order
    and undone in reverse order. Outputs are averaged as floats, before rounding.
    """
    total = upscale(lr)
    for flips in _FLIPS[1:]:
        total = total + upscale(lr.flip(flips)).flip(flips)
    for flips in _FLIPS:
        total = total + upscale(lr.flip(flips).mT.contiguous()).mT.flip(flips)
    return total / 8


def chopped(upscale: Upscale, lr: torch.Tensor, scale: int, shave: int = 10, min_size: int = 160_000) -> torch.Tensor:
    """Up-scale in four overlapping quarters, as EDSR, RCAN, SAN, HAN and A²N were evaluated with ``--chop``.

    Even a small image is cut; quarters of ``min_size`` pixels or more are cut again. It changes the scores of networks
    with global pooling, so their published scores need it. (sanghyun-son/EDSR-PyTorch, ``forward_chop``.)

    Args:
        upscale: The network, ``(N, C, h, w)`` to ``(N, C, scale·h, scale·w)``.
        lr: ``(N, C, H, W)``.
        scale: Up-sampling factor.
        shave: Pixels of lr by which a quarter reaches beyond the middle; at least 0.
        min_size: Number of pixels from which a quarter is cut again; at least 1.

    Raises:
        UsageError: If ``shave`` or ``min_size`` is too small.
        ShapeError: If the network gives another size than ``scale`` times its input.
    """
    if shave < 0 or min_size < 1:
        raise UsageError(f"Chopping with shave {shave} and min_size {min_size} is impossible; give at least 0 and 1.")
    height, width = lr.shape[-2:]
    # An image that is hardly larger than the overlap cannot be cut: its "quarter" is the image.
    part_h, part_w = min(height // 2 + shave, height), min(width // 2 + shave, width)
    cut_again = part_h * part_w >= min_size and (part_h, part_w) != (height, width)

    def run(part: torch.Tensor) -> torch.Tensor:
        return chopped(upscale, part, scale, shave, min_size) if cut_again else _upscaled(upscale, part, scale)

    top, left = scale * (height // 2), scale * (width // 2)
    bottom, right = scale * height - top, scale * width - left
    upper, lower = lr[..., :part_h, :], lr[..., height - part_h :, :]
    rows = []
    for strip, keep in ((upper, slice(None, top)), (lower, slice(scale * part_h - bottom, None))):
        before = run(strip[..., :part_w])[..., keep, :left]
        after = run(strip[..., width - part_w :])[..., keep, scale * part_w - right :]
        rows.append(torch.cat([before, after], dim=-1))
    return torch.cat(rows, dim=-2)


def _upscaled(upscale: Upscale, part: torch.Tensor, scale: int) -> torch.Tensor:
    sr = upscale(part)
    height, width = part.shape[-2:]
    if tuple(sr.shape[-2:]) != (scale * height, scale * width):
        raise ShapeError(
            f"The network returned {sr.shape[-2]}×{sr.shape[-1]} for a part of {height}×{width}; "
            f"at ×{scale} it must return {scale * height}×{scale * width}."
        )
    return sr
