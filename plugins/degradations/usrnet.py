"""The degradation that USRNet trains with, on images of 8 bits.

Half of the images are taken by a shaken camera, half are blurred by a Gaussian off its middle. The blurred image is
rounded down to 8 bits, as SciPy leaves it, of every scale-th pixel from the upper left one is kept, and noise is added.

Phase: as the release has it, lr lies (s-1)/2 pixels up and left of bicubic's, and by as much as its kernel is off its
middle anywhere else; a network that gets the kernel can know, one that does not cannot.
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
    """One."""
    return [
        srbench.DegradationSpec(
            name="usrnet",
            label="USRNet",
            chain=CHAIN,
            stochastic=True,
            describe=describe_chain(CHAIN),
            scales=frozenset({2, 3, 4}),
            paper=USRNET,
            notes="Shaken cameras and Gaussians in equal parts, noise of 0 to 25 levels, none in one image of nine. lr "
            "lies (s-1)/2 pixels up and left of bicubic's. Reconstruction: the paths of the shaken cameras are ours.",
        )
    ]
