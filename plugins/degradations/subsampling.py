"""Reduction without a filter, or with the simplest one: single pixels, and means over blocks."""

from __future__ import annotations

from srbench_plugins.steps.down import AreaDown, Subsample

import srbench
from srbench.degrading import Chain


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide both phases of sub-sampling, and the mean."""
    return [
        srbench.DegradationSpec(
            name="nearest",
            label="nearest",
            chain=Chain([Subsample()]),
            stochastic=False,
            notes="MATLAB's imresize(…, 'nearest'): the middle pixel of a block, or at even scales the one below and "
            "right of its middle.",
        ),
        srbench.DegradationSpec(
            name="nearest_upper_left",
            label="nearest (upper left)",
            chain=Chain([Subsample(phase="upper_left")]),
            stochastic=False,
            notes="Pixels 0, s, 2s, …: the phase of IRCNN, USRNet and DASR's s-fold, shifted by (s-1)/2 pixels "
            "relative to bicubic's.",
        ),
        srbench.DegradationSpec(
            name="area",
            label="mean over blocks",
            chain=Chain([AreaDown()]),
            any_scale=True,
            stochastic=False,
            notes="At real scales, the mean over all pixels that an lr pixel covers at least in part.",
        ),
    ]
