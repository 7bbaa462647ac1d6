"""The degradation that USRNet trains with, on 8-bit images.

Half of the images are blurred by camera shake, half by an off-centre Gaussian. The blurred image is rounded down to 8
bits, as SciPy does, every scale-th pixel from the upper left one is kept, and noise is added.

Phase: as in the release, lr is shifted by (s-1)/2 pixels up and left relative to bicubic's, and by the offset of its
kernel; only a network that gets the kernel can correct for that offset.
"""

from __future__ import annotations

from srbench_plugins.steps.down import Subsample
from srbench_plugins.steps.noise import GaussianNoise
from srbench_plugins.steps.quantise import Quantise
from srbench_plugins.steps.usrnet import USRNET, OffCentreBlur, TrajectoryBlur

import srbench
from srbench.degrading import Chain, OneOf, Sometimes, describe_chain

CHAIN = Chain(
    [
        OneOf([TrajectoryBlur(), OffCentreBlur()]),
        Quantise(rounding="down"),
        Subsample(phase="upper_left"),
        Sometimes([GaussianNoise(level=(0.0, 25.0), whole_levels=True)], probability=8 / 9),
    ]
)


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide the degradation."""
    return [
        srbench.DegradationSpec(
            name="usrnet",
            label="USRNet",
            chain=CHAIN,
            stochastic=True,
            describe=describe_chain(CHAIN),
            scales=frozenset({2, 3, 4}),
            paper=USRNET,
            notes="Camera shake and Gaussians in equal parts; noise of 0 to 25 levels, none in one image of nine. lr "
            "is shifted by (s-1)/2 pixels up and left against bicubic's. Reconstruction: the law of the shake is ours.",
        )
    ]
