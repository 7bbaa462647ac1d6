"""Isotropic Gaussian blur before bicubic reduction: training ranges of blind networks, and the test set Gaussian8.

Kernels are 21 pixels wide, borders are reflected, the reduction is bicubic, and lr has 8 bits. IKC, DAN and DCLS reduce
as MATLAB does (`isotropic_ikc`, `gaussian8`); the code of DASR and KDSR repeats the edge pixels instead, which changes
the outermost lr pixels by up to 3 levels (`isotropic`, `gaussian8_kdsr`).

Gaussian8 has eight evenly spaced widths: 0.80 to 1.60 at x2, 1.35 to 2.40 at x3, 1.80 to 3.20 at x4 (IKC). Its score is
the mean over images and kernels, here over eight realisations of each image. KDSR's code has 0.9, 1.0, … 1.6 at x2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from srbench_plugins.steps.blur import GaussianBlur
from srbench_plugins.steps.down import BicubicDown
from srbench_plugins.steps.quantise import Quantise

import srbench
from srbench.degrading import Chain, InTurn, PerScale, Range, describe_chain

Border = Literal["symmetric", "replicate"]

GAUSSIAN8 = {scale: [low + n * (high - low) / 7 for n in range(8)] for scale, low, high in (
    (2, 0.80, 1.60), (3, 1.35, 2.40), (4, 1.80, 3.20),
)}  # fmt: skip
"""Standard deviations in pixels, by scale."""
GAUSSIAN8_KDSR = {2: [(9 + n) / 10 for n in range(8)], 4: GAUSSIAN8[4]}

IKC = srbench.Paper(
    title="Blind Super-Resolution With Iterative Kernel Correction",
    venue="CVPR",
    year=2019,
    url="https://arxiv.org/abs/1904.03377",
)
DASR = srbench.Paper(
    title="Unsupervised Degradation Representation Learning for Blind Super-Resolution",
    venue="CVPR",
    year=2021,
    url="https://arxiv.org/abs/2104.00416",
)
KDSR = srbench.Paper(
    title="Knowledge Distillation based Degradation Estimation for Blind Super-Resolution",
    venue="ICLR",
    year=2023,
    url="https://arxiv.org/abs/2211.16928",
)


def trained(widths: Range | Mapping[int, Range], border: Border, per: Literal["image", "batch"] = "image") -> Chain:
    """Build the chain that blurs with a random width, from a range that may depend on the scale, and reduces."""
    blur = (
        PerScale([GaussianBlur(sigma_px=width, per=per) for width in widths.values()], scales=[*widths])
        if isinstance(widths, Mapping)
        else GaussianBlur(sigma_px=widths, per=per)
    )
    return Chain([blur, BicubicDown(border=border), Quantise(rounding="half_even")])


def tested(widths: Mapping[int, Sequence[float]], border: Border) -> Chain:
    """Build the chain that blurs with the widths of the scale in turn, and reduces."""
    blurs = [InTurn([GaussianBlur(sigma_px=width) for width in of_scale]) for of_scale in widths.values()]
    return Chain([PerScale(blurs, scales=[*widths]), BicubicDown(border=border), Quantise(rounding="half_even")])


def described(spec: srbench.DegradationSpec) -> srbench.DegradationSpec:
    """Add a description of the blurs and the noise of its chain."""
    return replace(spec, describe=describe_chain(spec.chain))


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide ranges to train on and lists to test on."""
    specs = [
        srbench.DegradationSpec(
            name="isotropic",
            label="isotropic blur",
            chain=trained((0.2, 4.0), "replicate"),
            any_scale=True,
            stochastic=True,
            paper=DASR,
            notes="Widths of 0.2 to 4.0 pixels at every scale, as in the scripts of DASR and KDSR.",
        ),
        srbench.DegradationSpec(
            name="isotropic_batch",
            label="isotropic blur, one a batch",
            setting="isotropic",
            chain=trained((0.2, 4.0), "replicate", per="batch"),
            any_scale=True,
            stochastic=True,
            paper=KDSR,
            notes="Like isotropic, with one width for all images of a batch, as KDSR's trainer draws it.",
        ),
        srbench.DegradationSpec(
            name="isotropic_by_scale",
            label="isotropic blur (by scale)",
            setting="isotropic",
            chain=trained({scale: (0.2, float(scale)) for scale in (2, 3, 4)}, "replicate"),
            stochastic=True,
            scales=frozenset({2, 3, 4}),
            paper=DASR,
            notes="Widths of 0.2 to 2, 3 and 4 pixels at x2, x3 and x4: the range of DASR's paper.",
        ),
        srbench.DegradationSpec(
            name="isotropic_ikc",
            label="isotropic blur (IKC)",
            setting="isotropic",
            chain=trained({scale: (0.2, float(scale)) for scale in (2, 3, 4)}, "symmetric"),
            stochastic=True,
            scales=frozenset({2, 3, 4}),
            paper=IKC,
            notes="Like isotropic_by_scale, with MATLAB's borders: the first setting of IKC, DAN and DCLS.",
        ),
        srbench.DegradationSpec(
            name="gaussian8",
            label="Gaussian8",
            setting="isotropic",
            chain=tested(GAUSSIAN8, "symmetric"),
            stochastic=True,
            realisations=8,
            scales=frozenset(GAUSSIAN8),
            paper=IKC,
            notes="Realisation k has the k-th kernel; the score is the mean over all eight.",
        ),
        srbench.DegradationSpec(
            name="gaussian8_kdsr",
            label="Gaussian8 (KDSR)",
            setting="isotropic",
            chain=tested(GAUSSIAN8_KDSR, "replicate"),
            stochastic=True,
            realisations=8,
            scales=frozenset(GAUSSIAN8_KDSR),
            paper=KDSR,
            notes="Like gaussian8, with the borders of KDSR's code, and its widths at x2.",
        ),
    ]
    return [described(spec) for spec in specs]
