"""Anisotropic Gaussian blur, bicubic reduction, noise: second settings of DASR and KDSR, DAN and DCLS; SRMD's.

In DASR and KDSR λ is a standard deviation in pixels, kernels have 21 pixels, borders are reflected, the reduction
repeats edge pixels, and noise of 0 to 25 levels is added to lr before rounding. Their nine test kernels are those that
DSAT's authors list; the noise is 0, 5 or 10 levels. In SRMD λ is a variance, kernels have 15 pixels, borders are
replicated, and noise of 0 to 75 levels is added to an 8-bit lr.

DAN and DCLS train for the test set DIV2KRK with wide and uneven kernels, whose λ is a standard deviation in pixels. The
set itself has to be downloaded: its hr and the kernels that come with it do not reproduce its lr.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from srbench_plugins.degradations.isotropic import described
from srbench_plugins.steps.blur import AnisotropicBlur
from srbench_plugins.steps.down import BicubicDown
from srbench_plugins.steps.noise import GaussianNoise
from srbench_plugins.steps.quantise import Quantise

import srbench
from srbench.degrading import Chain, InTurn, PerScale, Step

NINE_KERNELS = (
    (2.0, 0.2, 0.0), (2.0, 1.0, 10.0), (3.5, 1.5, 30.0), (3.5, 2.0, 45.0), (3.5, 2.0, 90.0), (4.0, 1.5, 120.0),
    (4.0, 2.0, 135.0), (4.0, 3.0, 165.0), (4.0, 4.0, 180.0),
)  # fmt: skip
"""Two standard deviations in pixels, and the angle in degrees."""

DASR = srbench.Paper(
    title="Unsupervised Degradation Representation Learning for Blind Super-Resolution",
    venue="CVPR",
    year=2021,
    url="https://arxiv.org/abs/2104.00416",
)
DAN = srbench.Paper(
    title="Unfolding the Alternating Optimization for Blind Super Resolution",
    venue="NeurIPS",
    year=2020,
    url="https://arxiv.org/abs/2010.02631",
)
SRMD = srbench.Paper(
    title="Learning a Single Convolutional Super-Resolution Network for Multiple Degradations",
    venue="CVPR",
    year=2018,
    url="https://arxiv.org/abs/1712.06116",
)


def blurred_with_noise(blur: Step, level: float | tuple[float, float]) -> Chain:
    """Build the chain of DASR and KDSR."""
    noise = () if level == 0 else (GaussianNoise(level=level),)
    return Chain([blur, BicubicDown(border="replicate"), *noise, Quantise(rounding="half_even")])


def nine(level: float) -> srbench.DegradationSpec:
    """Build the degradation of the nine test kernels with noise of ``level``."""
    return srbench.DegradationSpec(
        name="anisotropic9" + (f"_noise{level:.0f}" if level else ""),
        label="9 anisotropic blurs" + (f" + noise {level:.0f}" if level else ""),
        setting="anisotropic_noise" if level else "anisotropic",
        chain=blurred_with_noise(InTurn([AnisotropicBlur(*kernel) for kernel in NINE_KERNELS]), level),
        stochastic=True,
        realisations=len(NINE_KERNELS),
        paper=DASR,
        notes="Published at x4 on Set14. Realisation k has the k-th kernel; the score is the mean over all nine.",
    )


def for_div2krk(sides: Mapping[int, int]) -> Chain:
    """Build the chain of DAN's and DCLS's second setting, with a kernel side for every scale."""
    uneven = partial(AnisotropicBlur, first=(0.6, 5.0), second=(0.6, 5.0), angle_degrees=(-180.0, 180.0))
    blurs = [uneven(side_px=side, unevenness=0.25) for side in sides.values()]
    return Chain([PerScale(blurs, scales=[*sides]), BicubicDown(), Quantise(rounding="half_even")])


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide ranges to train on, and the test kernels with three levels of noise."""
    specs = [
        srbench.DegradationSpec(
            name="anisotropic",
            label="anisotropic blur",
            chain=blurred_with_noise(AnisotropicBlur(), 0),
            stochastic=True,
            paper=DASR,
        ),
        srbench.DegradationSpec(
            name="anisotropic_noise",
            label="anisotropic blur + noise",
            chain=blurred_with_noise(AnisotropicBlur(), (0.0, 25.0)),
            stochastic=True,
            paper=DASR,
            notes="Widths of 0.2 to 4 pixels, any direction, noise of 0 to 25 levels: the training of DASR and KDSR.",
        ),
        *(nine(level) for level in (0, 5, 10)),
        srbench.DegradationSpec(
            name="anisotropic_div2krk",
            label="uneven anisotropic blur (for DIV2KRK)",
            chain=for_div2krk({2: 11, 4: 31}),
            stochastic=True,
            scales=frozenset({2, 4}),
            paper=DAN,
            notes="The second setting of DAN and DCLS: widths of 0.6 to 5 pixels, any direction, every weight of a "
            "kernel up to a quarter larger. Kernels have 11 pixels at x2 and 31 at x4; DAN's first release has 21.",
        ),
        srbench.DegradationSpec(
            name="srmd",
            label="SRMD",
            chain=Chain(
                [
                    AnisotropicBlur(
                        first=(0.1, 10.0),
                        second=(0.1, 10.0),
                        side_px=15,
                        border="replicate",
                        widths="variances",
                        second_below_first=True,
                    ),
                    BicubicDown(),
                    Quantise(),
                    GaussianNoise(level=(0.0, 75.0)),
                ]
            ),
            stochastic=True,
            paper=SRMD,
            notes="Ranges of the released training script, which does not clip lr after the noise; here every lr is "
            "clipped to [0, 1].",
        ),
    ]
    return [described(spec) for spec in specs]
