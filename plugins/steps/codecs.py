"""Lossy files on the way, through the codecs that write them; exact, and without gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

import srbench
from srbench.degrading import Drawn, Random, Size
from srbench.imaging.codecs import Rounding, jpeg_bytes, webp_bytes

Whole = int | tuple[int, int]
"""A whole number, or the lowest and the highest to draw from."""


@dataclass(frozen=True)
class Jpeg:
    """Written as JPEG and read again; the qualities are BSRGAN's."""

    quality: Whole = (30, 95)
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0"
    rounding: Rounding = "nearest"

    def draw(self, random: Random, _size: Size) -> Drawn:
        """The quality."""
        return {"quality": _drawn(random, self.quality)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Write and read."""
        qualities = [one["quality"] for one in drawn]
        return jpeg_bytes(images, qualities, subsampling=self.subsampling, rounding=self.rounding)


@dataclass(frozen=True)
class WebP:
    """Written as lossy WebP and read again; qualities, methods and the cut to 8 bits are APISR's."""

    quality: Whole = (20, 95)
    method: Whole = (0, 6)
    rounding: Rounding = "down"

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Quality and method."""
        return {"quality": _drawn(random, self.quality), "method": _drawn(random, self.method)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Write and read."""
        qualities, methods = ([one[name] for one in drawn] for name in ("quality", "method"))
        return webp_bytes(images, qualities, method=methods, rounding=self.rounding)


def _drawn(random: Random, bounds: Whole) -> int:
    return random.integer(*bounds) if isinstance(bounds, tuple) else bounds


_ROUNDING = "how images come to 8 bits: nearest, or down as casts do"


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Two codecs."""
    return [
        srbench.StepSpec(
            name="jpeg",
            label="JPEG",
            build=Jpeg,
            units={
                "quality": "quality from 1 to 100, whole",
                "subsampling": "of the chroma: 4:4:4, 4:2:2 or 4:2:0",
                "rounding": _ROUNDING,
            },
            notes="libjpeg-turbo as Pillow brings it; the pixels are those of OpenCV's encoder.",
        ),
        srbench.StepSpec(
            name="webp",
            label="WebP",
            build=WebP,
            units={
                "quality": "quality from 1 to 100, whole",
                "method": "effort from 0 to 6, whole",
                "rounding": _ROUNDING,
            },
            notes="libwebp as Pillow brings it.",
        ),
    ]
