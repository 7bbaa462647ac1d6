"""Degradations by cameras: motion blur, photon noise, correlated colour noise, and a whole camera pipeline.

Each comes before or after MATLAB's bicubic reduction. The ranges of noise are BSRGAN's; those of the camera pipeline
are from unprocessing (Brooks et al.).
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
    """Provide one degradation for each."""
    return [
        srbench.DegradationSpec(
            name="motion",
            label="motion blur",
            chain=Chain([MotionBlur(length_px=(1.0, 20.0), angle_degrees=(0.0, 180.0)), BicubicDown()]),
            stochastic=True,
            notes="Straight motion of up to 20 pixels of hr, the longest in IRCNN's demos; the range is ours.",
        ),
        srbench.DegradationSpec(
            name="photons",
            label="bicubic + Poisson noise",
            chain=Chain([BicubicDown(), PoissonNoise()]),
            stochastic=True,
            paper=BSRGAN,
            notes="100 to 10,000 photons for white, log-uniform; half of the images get grey noise.",
        ),
        srbench.DegradationSpec(
            name="colour_noise",
            label="bicubic + colour noise",
            chain=Chain([BicubicDown(), ColourNoise()]),
            stochastic=True,
            paper=BSRGAN,
            notes="Always at level 25, as in the release.",
        ),
        srbench.DegradationSpec(
            name="camera_isp",
            label="bicubic + camera pipeline",
            chain=Chain([BicubicDown(), CameraIsp()]),
            stochastic=True,
            paper=UNPROCESSING,
            notes="A camera with a sensor of lr's size takes the picture: mosaic, noise and development. Brightness "
            "and tone curve are restored, which the release leaves out.",
        ),
    ]
