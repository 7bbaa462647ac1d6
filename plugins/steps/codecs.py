"""Lossy compression with the actual codecs: exact, and without gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

import srbench
from srbench.degrading import Drawn, Random, Size
from srbench.imaging.codecs import Rounding, jpeg_bytes, webp_bytes

Whole = int | tuple[int, int]
"""An integer, or the lowest and highest one to draw from."""


@dataclass(frozen=True)
class Jpeg:
    """Writes images as JPEG and reads them again; the default qualities are BSRGAN's."""

    quality: Whole = (30, 95)
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0"
    rounding: Rounding = "nearest"

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw the quality."""
        return {"quality": _drawn(random, self.quality)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Write and read."""
        qualities = [one["quality"] for one in drawn]
        return jpeg_bytes(images, qualities, subsampling=self.subsampling, rounding=self.rounding)


@dataclass(frozen=True)
class WebP:
    """Writes images as lossy WebP and reads them again; qualities, methods and rounding are APISR's by default."""

    quality: Whole = (20, 95)
    method: Whole = (0, 6)
    rounding: Rounding = "down"

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw quality and method."""
        return {"quality": _drawn(random, self.quality), "method": _drawn(random, self.method)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Write and read."""
        qualities, methods = ([one[name] for one in drawn] for name in ("quality", "method"))
        return webp_bytes(images, qualities, method=methods, rounding=self.rounding)


def _drawn(random: Random, bounds: Whole) -> int:
    return random.integer(*bounds) if isinstance(bounds, tuple) else bounds


_ROUNDING = "rounding to 8 bits: nearest, or down, as casts do"


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Provide JPEG and WebP."""
    return [
        srbench.StepSpec(
            name="jpeg",
            label="JPEG",
            build=Jpeg,
            units={
                "quality": "integer quality from 1 to 100",
                "subsampling": "sub-sampling of the chroma: 4:4:4, 4:2:2 or 4:2:0",
                "rounding": _ROUNDING,
            },
            notes="The libjpeg-turbo that comes with Pillow; the pixels equal those of OpenCV's encoder.",
        ),
        srbench.StepSpec(
            name="webp",
            label="WebP",
            build=WebP,
            units={
                "quality": "integer quality from 1 to 100",
                "method": "integer effort from 0 to 6",
                "rounding": _ROUNDING,
            },
            notes="The libwebp that comes with Pillow.",
        ),
    ]
