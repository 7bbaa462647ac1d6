"""Bicubic interpolation as MATLAB's imresize does it: the row every table starts with (Keys, 1981; a = -0.5)."""

from __future__ import annotations

from torch import Tensor, nn

import srbench
from srbench.imaging.resize import imresize


class Bicubic(nn.Module):
    """Enlarges in double precision with symmetric borders; returns lr's dtype, neither clamped nor rounded."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, lr: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, scale*h, scale*w), in [0, 1]."""
        return imresize(lr.double(), scale=self.scale).to(lr.dtype)


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """One fixed operator."""
    return [
        srbench.ArchitectureSpec(
            name="bicubic",
            label="Bicubic",
            build=Bicubic,
            scales=frozenset({2, 3, 4, 8}),
            trainable=False,
            license="Apache-2.0",
            paper=srbench.Paper(
                title="Cubic Convolution Interpolation for Digital Image Processing",
                venue="IEEE Transactions on Acoustics, Speech, and Signal Processing",
                year=1981,
                url="https://doi.org/10.1109/TASSP.1981.1163711",
            ),
        )
    ]
