"""Reductions to lr's size: MATLAB's bicubic, means over blocks, single pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench import ShapeError
from srbench.degrading import FixedStep, Size
from srbench.imaging import imresize


@dataclass(frozen=True)
class BicubicDown(FixedStep):
    """Antialiased bicubic reduction, a = -0.5."""

    border: Literal["symmetric", "replicate"] = "symmetric"
    rounding: Literal["none", "uint8"] = "none"

    def apply(self, images: Tensor, _drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """Resize the images."""
        return imresize(images, size=size.lr, border=self.border, rounding=self.rounding)


@dataclass(frozen=True)
class AreaDown(FixedStep):
    """The mean over the pixels that each lr pixel covers."""

    def apply(self, images: Tensor, _drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """Average the blocks."""
        return F.adaptive_avg_pool2d(images, size.lr)


@dataclass(frozen=True)
class Subsample(FixedStep):
    """Every scale-th pixel."""

    phase: Literal["centre", "upper_left"] = "centre"

    def apply(self, images: Tensor, _drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """Keep one pixel of each block of scale x scale.

        Raises:
            ShapeError: An earlier step has resized the images, or the scale is not whole.
        """
        height, width = size.lr
        scale = srbench.whole_scale(size.scale)
        if images.shape[-2] // scale != height or images.shape[-1] // scale != width:
            raise ShapeError(
                f"Images of {images.shape[-2]} x {images.shape[-1]} pixels cannot be sub-sampled by {scale} to "
                f"{height} x {width}; put subsample before other resizes."
            )
        first = self.kept_pixel(scale)
        kept = images[..., first::scale, first::scale]
        return kept[..., :height, :width].clone()

    def kept_pixel(self, scale: int) -> int:
        """Return the row and column of the pixel that is kept of a block."""
        return scale // 2 if self.phase == "centre" else 0


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Provide the reductions."""
    return [
        srbench.StepSpec(
            name="bicubic_down",
            label="bicubic reduction",
            build=BicubicDown,
            units={
                "border": "padding at the edges: symmetric (MATLAB) or replicate (DASR, KDSR)",
                "rounding": "none, or uint8, as MATLAB rounds 8-bit images after each pass",
            },
            notes="MATLAB's imresize.",
        ),
        srbench.StepSpec(name="area_down", label="mean over blocks", build=AreaDown),
        srbench.StepSpec(
            name="subsample",
            label="sub-sampling",
            build=Subsample,
            units={
                "phase": "centre: MATLAB's nearest, the middle pixel of a block, or at even scales the one below and "
                "right of its middle; upper_left: pixels 0, s, 2s, … (IRCNN, USRNet, DASR's s-fold)"
            },
            notes="The phase upper_left shifts the image by (s-1)/2 pixels relative to bicubic reduction.",
        ),
    ]
