"""Bicubic interpolation by MATLAB's imresize, the first row of every table (Keys, 1981; a = -0.5)."""

from __future__ import annotations

from functools import partial
from typing import Literal

from torch import Tensor, nn

import srbench
from srbench.imaging.resize import imresize


class Bicubic(nn.Module):
    """Enlarges to any size in double precision with symmetric borders; returns lr's dtype.

    Args:
        rounding: "uint8" clamps and rounds after each of the two passes, as MATLAB does with 8-bit images; "none"
            does neither.
    """

    def __init__(self, *, rounding: Literal["none", "uint8"] = "none") -> None:
        super().__init__()
        self.rounding = rounding

    def forward(self, lr: Tensor, size: tuple[int, int]) -> Tensor:
        """Map (N, C, h, w) to (N, C, height, width), the wanted size, in [0, 1]."""
        return imresize(lr.double(), size=size, rounding=self.rounding).to(lr.dtype)


PAPER = srbench.Paper(
    title="Cubic Convolution Interpolation for Digital Image Processing",
    venue="IEEE Transactions on Acoustics, Speech, and Signal Processing",
    year=1981,
    url="https://doi.org/10.1109/TASSP.1981.1163711",
)


def _spec(name: str, label: str, rounding: Literal["none", "uint8"], notes: str = "") -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(Bicubic, rounding=rounding),
        scales=frozenset({2, 3, 4, 8}),
        any_scale=True,
        trainable=False,
        license="Apache-2.0",
        paper=PAPER,
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide bicubic interpolation in double precision, and as MATLAB computes it on 8-bit images."""
    return [
        _spec("bicubic", "Bicubic", "none"),
        _spec(
            "bicubic_u8",
            "Bicubic (8-bit)",
            "uint8",
            "Rounded after each pass: the bicubic column of tables that were computed on uint8 images in MATLAB.",
        ),
    ]
