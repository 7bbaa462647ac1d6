"""Bicubic reduction, then lossy compression, as of pictures on the web."""

from __future__ import annotations

from srbench_plugins.steps.codecs import Jpeg, WebP
from srbench_plugins.steps.down import BicubicDown

import srbench
from srbench.degrading import Chain


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide JPEG and WebP."""
    return [
        srbench.DegradationSpec(
            name="jpeg",
            label="bicubic + JPEG",
            chain=Chain([BicubicDown(), Jpeg()]),
            stochastic=True,
            paper=srbench.Paper(
                title="Designing a Practical Degradation Model for Deep Blind Image Super-Resolution",
                venue="ICCV",
                year=2021,
                url="https://arxiv.org/abs/2103.14006",
            ),
            notes="Qualities of 30 to 95, as BSRGAN's release draws them.",
        ),
        srbench.DegradationSpec(
            name="webp",
            label="bicubic + WebP",
            chain=Chain([BicubicDown(), WebP()]),
            stochastic=True,
            paper=srbench.Paper(
                title="APISR: Anime Production Inspired Real-World Anime Super-Resolution",
                venue="CVPR",
                year=2024,
                url="https://arxiv.org/abs/2403.01598",
            ),
            notes="Qualities of 20 to 95 and methods of 0 to 6, as APISR's release draws them.",
        ),
    ]
