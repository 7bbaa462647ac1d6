"""Bicubic down-sampling by MATLAB's imresize on 8-bit images, called "BI" in papers.

MATLAB rounds a uint8 image twice, after the vertical and after the horizontal pass. The LR images of the benchmark sets
were made that way, and rounding once at the end gives another value in about one pixel of twenty; so the rounding is
part of the degradation. `unrounded` computes in floating point, as the published rows of bicubic interpolation did.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from torch import Generator, Tensor

import srbench
from srbench.degrading import describe_chain
from srbench.imaging import imresize


def down(
    hr: Tensor,
    scale: srbench.Scale,
    generator: Generator,  # noqa: ARG001 - nothing is random
    *,
    border: Literal["symmetric", "replicate"] = "symmetric",
    rounding: Literal["uint8", "none"] = "uint8",
) -> Tensor:
    """Shrink hr with an antialiased kernel (a = -0.5, widened by the scale).

    Args:
        hr: (N, C, H, W) in [0, 1], cropped for the scale.
        scale: Factor, whole or real.
        generator: Not used.
        border: Padding at the edges: the mirrored image, or the edge pixel.
        rounding: "uint8" rounds hr to 8-bit levels, and the result of each pass.

    Returns:
        (N, C, h, w); with rounding in [0, 1], without it unclipped, slightly outside of [0, 1] at sharp edges.
    """
    size = srbench.lr_size((hr.shape[-2], hr.shape[-1]), scale)
    return imresize(hr, size=size, border=border, rounding=rounding)


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide bicubic reduction with both borders in use."""
    return [
        srbench.DegradationSpec(
            name="bicubic",
            label="bicubic",
            apply=down,
            unrounded=partial(down, rounding="none"),
            any_scale=True,
            stochastic=False,
            describe=describe_chain(),
            notes="MATLAB's symmetric borders; bit-equal to the LR of Set5 and Set14 in common use.",
        ),
        srbench.DegradationSpec(
            name="bicubic_replicate",
            label="bicubic (replicate borders)",
            apply=partial(down, border="replicate"),
            unrounded=partial(down, border="replicate", rounding="none"),
            any_scale=True,
            stochastic=False,
            describe=describe_chain(),
            notes="Replicated borders, as MATLAB did before R2010; bit-equal to the LR of B100 in common use.",
        ),
    ]
