"""Compare an image that was enlarged in tiles with the same one enlarged whole, and measure how far a network sees."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from srbench.errors import UsageError
from srbench.imaging.files import read_image
from srbench.imaging.pixels import to_tensor
from srbench.imaging.seams import seam_visibility
from srbench.imaging.tiling import windows
from srbench.measuring.inference import super_resolve
from srbench.measuring.metrics.psnr_ssim import psnr
from srbench.measuring.protocol import Inference
from srbench.scales import Scale
from srbench.upscaling.upscaler import Upscaler

SIDE = 192
"""Pixels of lr, at most, of the part of an image in which a network's reach is measured: a reach up to half of it."""
EXACT = 1e-4
"""Differences in units of white up to this are rounding of floats."""
VISIBLE = 0.5 / 255
"""Half a level of 8 bits, below which a pixel changes by rounding alone."""
_AT_SEAM = 2
"""Pixels of sr on each side of a seam that are at it."""


@dataclass(frozen=True, slots=True)
class TilesDiagnosis:
    """What tiles change."""

    model: str
    """The network with its weights."""
    scale: Scale
    """The factor."""
    tile: int
    """Side of a tile in pixels of lr, without the overlap."""
    overlap: int
    """Pixels of lr around a tile that the network also gets."""
    psnr_db: float | None
    """PSNR on RGB of the tiled image against the whole one; null if they are equal."""
    largest_levels: float
    """The largest difference of a value, in levels of 8 bits."""
    at_seams_levels: float
    """The mean absolute difference within 2 pixels of sr of a seam, in levels."""
    elsewhere_levels: float
    """The same of all other pixels."""
    seams: float
    """How much larger steps at seams are than those beside them, in the tiled image; 1 where nothing is seen."""
    seams_of_whole: float
    """The same of the whole image, which has no seams: what its content gives."""
    reach: int | None
    """How many pixels of lr from a cut the values still differ; null if they differ everywhere."""
    visible_reach: int | None
    """The same for differences of more than half a level."""
    suggested_overlap: int | None
    """An overlap with which tiles differ by no more than half a level on this image; null if none was found."""
    verdict: str
    """What that means, in a few sentences."""


def diagnose_tiles(upscaler: Upscaler, image: Path, *, tile: int, overlap: int) -> TilesDiagnosis:
    """Enlarge an image whole and in tiles, and compare both.

    Args:
        upscaler: The network.
        image: An image that serves as lr, small enough to be enlarged whole.
        tile: Side of a tile in pixels of lr, without the overlap.
        overlap: Pixels of lr around a tile that the network also gets.

    Raises:
        UsageError: The scale is not whole, the tile too small for its overlap, or the image no larger than a tile.
        DataError: The image cannot be read.
    """
    scale, lr = upscaler.scale, to_tensor(read_image(image))[None].to(upscaler.device)
    height, width = lr.shape[-2:]
    if not isinstance(scale, int):
        raise UsageError(f"Tiles need a whole scale; give another than {scale}.")
    tiled, whole = Inference(tile=tile, overlap=overlap), Inference()
    if not tile or max(height, width) <= tile:
        raise UsageError(
            f"Tiles of {tile} pixels do not cut {image.name}, which has {height}×{width}; give fewer pixels."
        )

    def enlarge(part: Tensor, how: Inference = whole) -> Tensor:
        return super_resolve(upscaler.network, part, scale, how).double().clamp(0, 1)

    parts, once = enlarge(lr, tiled), enlarge(lr)
    difference = (parts - once).abs()
    near = _near_seams(height, width, tile, scale)
    reach = _reaches(enlarge, _middle(lr), scale)
    decibel = float(psnr(parts, once, data_range=1))
    suggested = None if reach[1] is None else _rounded_up(reach[1])
    return TilesDiagnosis(
        model=upscaler.name, scale=scale, tile=tile, overlap=overlap,
        psnr_db=decibel if math.isfinite(decibel) else None,
        largest_levels=255 * float(difference.max()),
        at_seams_levels=255 * float(difference[..., near].mean()),
        elsewhere_levels=255 * float(difference[..., ~near].mean()),
        seams=float(seam_visibility(parts, tile * scale, scale)),
        seams_of_whole=float(seam_visibility(once, tile * scale, scale)),
        reach=reach[0], visible_reach=reach[1], suggested_overlap=suggested,
        verdict=_verdict(255 * float(difference.max()), overlap, reach[1], suggested, _half(lr)),
    )  # fmt: skip


def _near_seams(height: int, width: int, tile: int, scale: int) -> Tensor:
    """Return which pixels of sr are at a seam, (H, W)."""
    near = torch.ones(scale * height, scale * width, dtype=torch.bool)
    for window in windows(height, width, tile):
        sides = zip(window[::2], window[1::2], (height, width), strict=True)
        inner = [
            slice(scale * first + _AT_SEAM * (first > 0), scale * last - _AT_SEAM * (last < side))
            for first, last, side in sides
        ]
        near[inner[0], inner[1]] = False
    return near


def _middle(lr: Tensor) -> Tensor:
    height, width = lr.shape[-2:]
    rows, columns = min(height, SIDE), min(width, SIDE)
    top, left = (height - rows) // 2, (width - columns) // 2
    return lr[..., top : top + rows, left : left + columns]


def _half(lr: Tensor) -> int:
    """Return the largest reach that can be measured."""
    return min(min(side, SIDE) // 2 for side in lr.shape[-2:])


def _reaches(enlarge: Callable[[Tensor], Tensor], lr: Tensor, scale: int) -> tuple[int | None, int | None]:
    """Cut an image in the middle, and return how far from the cut values still differ: at all, and visibly.

    That is what a tile does to a network: what is beyond its border is not there. Each half of both cuts is compared.
    """
    whole, largest = enlarge(lr), dict[int, float]()
    for dim in (-2, -1):
        side = lr.shape[dim]
        for start, stop in ((0, side // 2), (side // 2, side)):
            part = enlarge(lr.narrow(dim, start, stop - start))
            wanted = whole.narrow(dim, scale * start, scale * (stop - start))
            profile = (part - wanted).abs().movedim(dim, -1).flatten(0, -2).amax(dim=0)
            from_cut = profile.view(-1, scale).amax(dim=1)
            from_cut = from_cut.flip(0) if stop < side else from_cut
            for distance, value in enumerate(from_cut.tolist()):
                largest[distance] = max(largest.get(distance, 0.0), value)
    last = min(lr.shape[-2:]) // 2 - 1
    return _first_below(largest, EXACT, last), _first_below(largest, VISIBLE, last)


def _first_below(largest: dict[int, float], limit: float, last: int) -> int | None:
    """Return the distance from which no difference is above the limit; None if there is none."""
    above = [distance for distance, value in largest.items() if value > limit]
    reach = max(above, default=-1) + 1
    return reach if reach <= last else None


def _rounded_up(pixels: int) -> int:
    """Return a number of pixels to give as an overlap: the next multiple of 4."""
    return -(-pixels // 4) * 4


def _verdict(largest: float, overlap: int, visible: int | None, suggested: int | None, half: int) -> str:
    if largest <= 0.5:
        text = f"With an overlap of {overlap}, tiles change no value by more than half a level: no seam is seen."
    else:
        text = f"With an overlap of {overlap}, tiles change values by up to {largest:.1f} levels."
    if visible is None:
        return (
            f"{text} Values differ visibly further than {half} pixels from a cut: the network looks at the whole "
            "image, or further than this one shows. No overlap was found that makes tiles equal; enlarge images whole "
            "where memory allows."
        )
    return f"{text} A cut is visible up to {visible} pixels from it, so that an overlap of {suggested} is enough here."
