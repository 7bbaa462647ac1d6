"""Bicubic reduction, then noise of level 30: called "DN" in papers; RDN and RCAN publish it at x3.

It follows the MATLAB script of both: imresize on a uint8 image, noise of standard deviation 30 for every colour, and
conversion to uint8, which rounds half up and saturates. MATLAB's old random generator is not available elsewhere, so
scores are compared as means over realisations.
"""

from __future__ import annotations

from srbench_plugins.steps.down import BicubicDown
from srbench_plugins.steps.noise import GaussianNoise
from srbench_plugins.steps.quantise import Quantise

import srbench
from srbench.degrading import Chain


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide the published level."""
    return [
        srbench.DegradationSpec(
            name="down_noise",
            label="bicubic + noise 30",
            chain=Chain([BicubicDown(rounding="uint8"), GaussianNoise(level=30.0), Quantise()]),
            any_scale=True,
            stochastic=True,
            paper=srbench.Paper(
                title="Residual Dense Network for Image Super-Resolution",
                venue="CVPR",
                year=2018,
                url="https://arxiv.org/abs/1802.08797",
            ),
            notes="Published at x3.",
        )
    ]
