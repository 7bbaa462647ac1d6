"""Rounding to 8-bit levels between operations, as in published scripts that save or convert an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

import srbench
from srbench.degrading import FixedStep, Size
from srbench.imaging.pixels import settled


@dataclass(frozen=True)
class Quantise(FixedStep):
    """Clamps values to [0, 1] and rounds them to 8-bit levels."""

    rounding: Literal["half_up", "half_even", "down"] = "half_up"

    pixelwise: ClassVar[bool] = True

    def apply(self, images: Tensor, _drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Round the images."""
        levels = settled(images.clamp(0, 1) * 255)
        if self.rounding == "half_even":
            return levels.round() / 255
        return (levels + (0.5 if self.rounding == "half_up" else 0.0)).floor() / 255


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Provide the step."""
    return [
        srbench.StepSpec(
            name="quantise",
            label="8-bit levels",
            build=Quantise,
            units={
                "rounding": "half_up (MATLAB), half_even (NumPy, PyTorch), or down (SciPy and casts to 8 bits)",
            },
        )
    ]
