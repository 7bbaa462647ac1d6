"""The channels on which people measure super-resolved images, by the code that they use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from srbench.imaging.pixels import Pixels

Planes: TypeAlias = NDArray[np.float64]
"""(C, H, W) from 0 to 255."""

_LIMITED = (65.481 / 255, 128.553 / 255, 24.966 / 255)
_FULL = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class Colour:
    """The channels that a score compares."""

    name: str
    about: str
    """What a sentence calls it."""
    of: Callable[[Planes], Planes]
    """From red, green and blue, or from the one plane of a greyscale image, to the compared planes."""


def _colour(planes: Planes) -> Planes:
    return planes if len(planes) == 3 else np.repeat(planes, 3, axis=0)


def _mixed(planes: Planes, weights: tuple[float, float, float], offset: float = 0.0) -> Planes:
    red, green, blue = _colour(planes)
    mixed: Planes = weights[0] * red + weights[1] * green + weights[2] * blue + offset
    return mixed[None]


def _luma(planes: Planes) -> Planes:
    return _mixed(planes, _LIMITED, 16.0)


COLOURS: Mapping[str, Colour] = MappingProxyType(
    {
        colour.name: colour
        for colour in (
            Colour("y", "Y", _luma),
            Colour("y_rounded", "Y rounded to 8 bits", lambda planes: np.round(_luma(planes))),
            Colour(
                "y_kept", "Y rounded to 8 bits, greyscale images kept grey",
                lambda planes: planes if len(planes) == 1 else np.round(_luma(planes)),
            ),
            Colour("rgb", "RGB", _colour),
            Colour("full", "full-range Y (YIQ, JPEG)", lambda planes: _mixed(planes, _FULL)),
            Colour("grey", "grey of 8 bits (OpenCV, Pillow)", lambda planes: np.floor(_mixed(planes, _FULL) + 0.5)),
            Colour("grey_709", "grey by BT.709 (skimage)", lambda planes: _mixed(planes, (0.2125, 0.7154, 0.0721))),
            Colour("y_bgr", "Y of BGR taken for RGB", lambda planes: _luma(_colour(planes)[::-1])),
            Colour(
                "y_typo", "Y with the weight 64.738 for red",
                lambda planes: _mixed(planes, (64.738 / 256, 129.057 / 256, 25.064 / 256), 16.0),
            ),
        )
    }
)  # fmt: skip
"""The colours by name."""


def planes_of(pixels: Pixels) -> Planes:
    """Return the planes of 8-bit pixels (H, W, 3) or (H, W): three, or one."""
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)).astype(np.float64)


def inner_sums(planes: Planes, shaves: Iterable[int]) -> dict[int, NDArray[np.float64]]:
    """Return the sum of each plane (C, H, W) within each border, (C,); each pixel is added once.

    Borders that leave nothing are left out.
    """
    height, width = planes.shape[1:]
    found: dict[int, NDArray[np.float64]] = {}
    last = 0
    for cut in sorted((own for own in shaves if min(height, width) > 2 * own), reverse=True):
        if not found:
            found[cut] = planes[:, cut : height - cut, cut : width - cut].sum(axis=(1, 2))
        else:
            rows, columns = slice(last, height - last), slice(cut, width - cut)
            frame = [
                (slice(cut, last), columns), (slice(height - last, height - cut), columns),
                (rows, slice(cut, last)), (rows, slice(width - last, width - cut)),
            ]  # fmt: skip
            found[cut] = found[last] + sum(planes[:, down, right].sum(axis=(1, 2)) for down, right in frame)
        last = cut
    return found
