"""Resizes with random factors and modes, as in Real-ESRGAN (PyTorch) and BSRGAN (OpenCV).

They do not antialias, except in the mode area. Real-ESRGAN keeps the overshoot of cubic interpolation until the next
noise or JPEG; BSRGAN clamps after every resize.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

import srbench
from srbench.degrading import Drawn, Random, Size
from srbench.imaging.interpolation import MODES, Mode, interpolate, opencv

Library = Literal["torch", "opencv"]


@dataclass(frozen=True)
class RandomResize:
    """Enlarges, shrinks or keeps the image; the defaults are Real-ESRGAN's first resize."""

    up_probability: float = 0.2
    down_probability: float = 0.7
    up: tuple[float, float] = (1.0, 1.5)
    down: tuple[float, float] = (0.15, 1.0)
    modes: tuple[Mode, ...] = MODES
    library: Library = "torch"
    relative_to: Literal["image", "lr"] = "image"
    least_over_scale: bool = False
    clamp: bool = False
    per: Literal["image", "batch"] = "batch"

    grouped_by: ClassVar[tuple[str, ...]] = ("factor", "mode")

    def draw(self, random: Random, size: Size) -> Drawn:
        """Draw factor and mode."""
        kind = random.unit()
        least = self.down[0] / size.factor if self.least_over_scale else self.down[0]
        if kind < self.up_probability:
            factor = random.uniform(*self.up)
        elif kind < self.up_probability + self.down_probability:
            factor = random.uniform(least, self.down[1])
        else:
            factor = 1.0
        return {"factor": factor, "mode": random.choice(self.modes)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """Resize the images to at least one pixel a side."""
        factor, mode = drawn[0]["factor"], drawn[0]["mode"]
        height, width = images.shape[-2:]
        if self.relative_to == "lr":
            goal = int(size.lr[0] * factor), int(size.lr[1] * factor)
        else:
            goal = int(height * factor), int(width * factor)
        if self.library == "opencv":
            resized = opencv(images, mode, _at_least_one(goal))
        elif self.relative_to == "image" and min(goal) > 0:
            resized = interpolate(images, mode, factor=factor)
        else:
            resized = interpolate(images, mode, size=_at_least_one(goal))
        return resized.clamp(0, 1) if self.clamp else resized


@dataclass(frozen=True)
class ResizeToLr:
    """Resizes to lr's size in a random mode."""

    modes: tuple[Mode, ...] = MODES
    library: Library = "torch"
    clamp: bool = False
    per: Literal["image", "batch"] = "batch"

    grouped_by: ClassVar[tuple[str, ...]] = ("mode",)

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw the mode."""
        return {"mode": random.choice(self.modes)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """Resize the images."""
        mode = drawn[0]["mode"]
        resized = opencv(images, mode, size.lr) if self.library == "opencv" else interpolate(images, mode, size=size.lr)
        return resized.clamp(0, 1) if self.clamp else resized


def _at_least_one(goal: tuple[int, int]) -> tuple[int, int]:
    return max(goal[0], 1), max(goal[1], 1)


_UNITS = {
    "modes": "modes to choose from with equal probability: bilinear, bicubic, area",
    "library": "torch or opencv, which average areas differently",
    "clamp": "true: values are clamped to [0, 1] afterwards",
    "per": "image: a draw for each image; batch: one for all",
}


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Provide both resizes; the defaults are Real-ESRGAN's."""
    return [
        srbench.StepSpec(
            name="random_resize",
            label="random resize",
            build=RandomResize,
            units={
                "up_probability": "probability that the image is enlarged",
                "down_probability": "probability that it is shrunk; otherwise it keeps its size",
                "up": "range of enlarging factors",
                "down": "range of shrinking factors",
                "relative_to": "image: factors of the image's size; lr: of lr's size, so that 1 gives lr's size",
                "least_over_scale": "true: the smallest factor is divided by the scale",
                **_UNITS,
            },
        ),
        srbench.StepSpec(name="resize_to_lr", label="resize to lr", build=ResizeToLr, units=_UNITS),
    ]
