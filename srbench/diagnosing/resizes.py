"""Name the resize that made an image: images by the resizes of libraries, and which of them is nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import inf
from statistics import fmean

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from srbench.imaging.pixels import Pixels
from srbench.imaging.resize import imresize

EQUAL = 0.05
"""Levels of mean absolute difference up to which an image was made by a resize: about one pixel in twenty is rounded
otherwise. Two resizes of different kernels differ by ten times as much."""
Resize = Callable[[Pixels, tuple[int, int]], Pixels]
"""From 8-bit pixels (H, W, 3) and a size (height, width) to 8-bit pixels."""


@dataclass(frozen=True, slots=True)
class NamedResize:
    """The resize that is nearest to an image."""

    name: str
    difference: float
    """Mean absolute difference in levels of 8 bits."""

    @property
    def made_it(self) -> bool:
        """Whether the image was made by it."""
        return self.difference <= EQUAL


def resizes(*, smaller: bool) -> Mapping[str, Resize]:
    """Return resizes by what a sentence calls them, to a smaller or a larger size, as far as libraries are here."""
    found = dict(_matlab(smaller=smaller)) | dict(_torch(smaller=smaller)) | dict(_pillow())
    if find_spec("cv2"):
        found |= dict(_opencv())
    if smaller:
        found["every n-th pixel"] = lambda pixels, size: pixels[
            :: pixels.shape[0] // size[0], :: pixels.shape[1] // size[1]
        ]
    return found


def nearest_resize(images: Sequence[tuple[Pixels, Pixels]], *, smaller: bool) -> NamedResize:
    """Return the resize that is nearest to what made some images.

    Args:
        images: Each image (h, w, 3), and what it may have been made from (H, W, 3).
        smaller: Whether they are smaller than those.
    """
    named = (
        NamedResize(name, fmean(_difference(resize, made, source) for made, source in images))
        for name, resize in resizes(smaller=smaller).items()
    )
    found = sorted(named, key=lambda one: one.difference)
    equal = [one.name for one in found if one.difference == found[0].difference]
    return NamedResize(" or ".join(equal), found[0].difference)


def _difference(resize: Resize, made: Pixels, source: Pixels) -> float:
    """Return the mean absolute difference in levels between an image and a resize of what it may come from."""
    other = resize(source, (made.shape[0], made.shape[1]))
    return float(np.abs(other.astype(np.int16) - made).mean()) if other.shape == made.shape else inf


def _matlab(*, smaller: bool) -> Iterator[tuple[str, Resize]]:
    def by(*, antialias: bool) -> Resize:
        def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
            planes = torch.tensor(pixels).movedim(-1, 0)
            return imresize(planes, size=size, antialias=antialias, rounding="uint8").movedim(0, -1).numpy()

        return resize

    yield "MATLAB's bicubic imresize", by(antialias=True)
    if smaller:
        yield "MATLAB's bicubic imresize without antialiasing", by(antialias=False)


def _torch(*, smaller: bool) -> Iterator[tuple[str, Resize]]:
    def by(**options: object) -> Resize:
        def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
            planes = torch.tensor(pixels).movedim(-1, 0)[None].double()
            made = F.interpolate(planes, size, **options)  # type: ignore[arg-type]
            return made.round().clamp(0, 255)[0].movedim(0, -1).to(torch.uint8).numpy()

        return resize

    for mode in ("bicubic", "bilinear"):
        yield f"torch's {mode} interpolate", by(mode=mode)
        yield f"torch's {mode} interpolate with antialias", by(mode=mode, antialias=True)
        if not smaller:
            yield f"torch's {mode} interpolate with align_corners", by(mode=mode, align_corners=True)


def _pillow() -> Iterator[tuple[str, Resize]]:
    def by(method: Image.Resampling) -> Resize:
        return lambda pixels, size: np.asarray(Image.fromarray(pixels).resize(size[::-1], method))

    for method in ("BICUBIC", "BILINEAR", "LANCZOS", "BOX", "NEAREST"):
        yield f"Pillow's {method}", by(Image.Resampling[method])


def _opencv() -> Iterator[tuple[str, Resize]]:
    import cv2

    def by(method: int) -> Resize:
        return lambda pixels, size: np.asarray(cv2.resize(pixels, size[::-1], interpolation=method), dtype=np.uint8)

    for name in ("INTER_CUBIC", "INTER_LINEAR", "INTER_AREA", "INTER_LANCZOS4", "INTER_NEAREST"):
        yield f"OpenCV's {name}", by(getattr(cv2, name))
