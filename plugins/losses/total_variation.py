"""Total variation of sr, in the three forms in use. It measures noise in sr alone, so it only goes beside other losses.

``dx`` and ``dy`` are differences of neighbours across and down. Forms that need both in one pixel leave out the last
row and the last column.
"""

from __future__ import annotations

from torch import Tensor

import srbench

SMALLEST_SQUARE = 1e-16
"""Square of the smallest gradient, below which a root has no slope; the step between 8-bit values squared is 1e-5."""


def anisotropic(sr: Tensor, hr: Tensor) -> Tensor:  # noqa: ARG001
    """Return ``mean |dx| + mean |dy|`` (BasicSR's TVLoss)."""
    return sr.diff(dim=-1).abs().mean() + sr.diff(dim=-2).abs().mean()


def isotropic(sr: Tensor, hr: Tensor) -> Tensor:  # noqa: ARG001
    """Return ``mean sqrt(dx² + dy²)`` (Moser et al., TPAMI 2023, section 3.2)."""
    return _lengths(sr).mean()


def summed(sr: Tensor, hr: Tensor) -> Tensor:  # noqa: ARG001
    """Return ``sum sqrt(dx² + dy²)`` (deep image prior, with its exponent of 0.5); it grows with the patch."""
    return _lengths(sr).sum()


def _lengths(images: Tensor) -> Tensor:
    across, down = images.diff(dim=-1)[..., :-1, :], images.diff(dim=-2)[..., :-1]
    # flat areas have no slope, whereas the root's is infinite
    return (across.square() + down.square()).clamp_min(SMALLEST_SQUARE).sqrt()


@srbench.hookimpl
def register_losses() -> list[srbench.LossSpec]:
    """Provide the three forms."""
    survey = srbench.Paper(
        title="Hitchhiker's Guide to Super-Resolution: Introduction and Recent Advances",
        venue="TPAMI",
        year=2023,
        url="https://arxiv.org/abs/2209.13131",
    )
    prior = srbench.Paper(title="Deep Image Prior", venue="CVPR", year=2018, url="https://arxiv.org/abs/1711.10925")
    notes = "A regulariser of sr, which does not look at hr; give it a small weight beside another loss."
    return [
        srbench.LossSpec(name="tv", label="total variation", build=lambda: anisotropic, notes=notes),
        srbench.LossSpec(
            name="tv_isotropic", label="isotropic total variation", build=lambda: isotropic, paper=survey, notes=notes
        ),
        srbench.LossSpec(
            name="tv_sum",
            label="summed isotropic total variation",
            build=lambda: summed,
            paper=prior,
            notes=f"{notes} It is a sum over pixels, channels and images.",
        ),
    ]
