"""What cameras do to a picture, one thing at a time: motion, photons, correlated colour noise; and all the way through.

Each is followed or preceded by MATLAB's bicubic reduction. The ranges of noise are BSRGAN's, those of the whole camera
are the ones that raw pictures were unprocessed with (Brooks et al.).
"""

from __future__ import annotations

from srbench_plugins.steps.blur import MotionBlur
from srbench_plugins.steps.camera import UNPROCESSING, CameraIsp
from srbench_plugins.steps.down import BicubicDown
from srbench_plugins.steps.noise import ColourNoise, PoissonNoise

import srbench
from srbench.degrading import Chain

BSRGAN = srbench.Paper(
    title="Designing a Practical Degradation Model for Deep Blind Image Super-Resolution",
    venue="ICCV",
    year=2021,
    url="https://arxiv.org/abs/2103.14006",
)


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """One for each."""
    return [
        srbench.DegradationSpec(
            name="motion",
            label="motion blur",
            chain=Chain([MotionBlur(length_px=(1.0, 20.0), angle_degrees=(0.0, 180.0)), BicubicDown()]),
            stochastic=True,
            notes="Straight moves of up to 20 pixels of hr, the longest of IRCNN's demos; the range is ours.",
        ),
        srbench.DegradationSpec(
            name="photons",
            label="bicubic + Poisson noise",
            chain=Chain([BicubicDown(), PoissonNoise()]),
            stochastic=True,
            paper=BSRGAN,
            notes="100 to 10,000 photons for white, evenly by their logarithm; every other image in grey.",
        ),
        srbench.DegradationSpec(
            name="colour_noise",
            label="bicubic + colour noise",
            chain=Chain([BicubicDown(), ColourNoise()]),
            stochastic=True,
            paper=BSRGAN,
            notes="Its level is 25, as the release fixes it whatever level was drawn.",
        ),
        srbench.DegradationSpec(
            name="camera_isp",
            label="bicubic + camera pipeline",
            chain=Chain([BicubicDown(), CameraIsp()]),
            stochastic=True,
            paper=UNPROCESSING,
            notes="A smaller camera takes the picture: a mosaic of lr's size, its noise, and what is made of it. "
            "Brightness and tone curve are put back, which the release leaves out.",
        ),
    ]
