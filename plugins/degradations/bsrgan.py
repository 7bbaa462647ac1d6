"""BSRGAN's shuffled degradation, and the extended one of its release.

`bsrgan` follows the release's ``degradation_bsrgan``: two blurs, two resizes, noise and JPEG in a random order for
every image, the second resize always after the first, and a JPEG at the end; at x4 a quarter of the images is halved
first and then degraded as for x2. Where paper and release differ, the numbers here follow the release:

=================  ==============================  =======================================
what               paper                           release
=================  ==============================  =======================================
kernel sides       7 to 21                         7 to 25
the two blurs      one round, one anisotropic      each either, by a coin
JPEG on the way    probability 0.75                0.9
noise level        1 to 25                         2 to 25; correlated noise always 25
=================  ==============================  =======================================

`bsrgan_paper` has the numbers of the paper's column, which were not checked against the printed paper. `bsrgan_plus` is
the release's ``degradation_bsrgan_plus`` with KAIR's probability of a full shuffle, 0.1: two rounds of blur, resize and
three kinds of noise. The release can sharpen ground truths first, and then compares sr with the sharpened ones; here
sr is compared with hr as it is, and only `bsrgan_plus_sharpened` sharpens before it degrades.

Only `bsrgan_isp` has a camera pipeline (ISP), as the authors' model was never released and every caller leaves it out.
It is our reading of the paper, which cites unprocessing: one more step with the release's probability of 0.25.
"""

from __future__ import annotations

from srbench_plugins.steps.bsrgan import (
    HalvedFirst,
    ResizeOrSubsample,
    RoundedPoissonNoise,
    ScaledBlur,
    SensorNoise,
)
from srbench_plugins.steps.camera import CameraIsp
from srbench_plugins.steps.codecs import Jpeg
from srbench_plugins.steps.realesrgan import Sharpen
from srbench_plugins.steps.resize import RandomResize, ResizeToLr

import srbench
from srbench.degrading import Chain, OneOf, Shuffled, Sometimes, Step

PAPER = srbench.Paper(
    title="Designing a Practical Degradation Model for Deep Blind Image Super-Resolution",
    venue="ICCV",
    year=2021,
    url="https://arxiv.org/abs/2103.14006",
)


def bsrgan(blurs: tuple[Step, Step], noise: Step, jpeg_probability: float, *more: Step) -> Chain:
    """Build the chain of shuffled steps, then JPEG.

    Args:
        blurs: Both blurs.
        noise: The noise.
        jpeg_probability: Probability of the shuffled JPEG.
        more: Further shuffled steps.
    """
    way_down = ResizeOrSubsample(), ResizeToLr(library="opencv", clamp=True, per="image")
    steps = [*blurs, *way_down, noise, Sometimes([Jpeg()], probability=jpeg_probability), *more]
    return Chain([HalvedFirst(Shuffled(steps, in_order=((2, 3),))), Jpeg()])


def bsrgan_plus(*before: Step, shuffle_probability: float = 0.1) -> Chain:
    """Build the chain of two rounds, which usually shuffles only the noises of each, and sometimes everything.

    Args:
        before: Steps that come first.
        shuffle_probability: Probability of shuffling everything; KAIR trains with 0.1, the function's default is 0.5.
    """
    noises: list[Step] = [
        SensorNoise(),
        Sometimes([RoundedPoissonNoise()], probability=0.1),
        Sometimes([SensorNoise(kind="speckle")], probability=0.1),
    ]
    rounds = Chain([*_blur_and_resize(), Shuffled(noises), Jpeg(), *_blur_and_resize(), Shuffled(noises)])
    everything = Shuffled([*_blur_and_resize(), *noises, Jpeg(), *_blur_and_resize(), *noises])
    mixed = OneOf([everything, rounds], weights=(shuffle_probability, 1 - shuffle_probability))
    return Chain([*before, mixed, ResizeToLr(library="opencv", per="image"), Jpeg()])


def _blur_and_resize() -> tuple[Step, Step]:
    resize = RandomResize(
        up=(1.0, 2.0), down=(0.5, 1.0), least_over_scale=True, library="opencv", clamp=True, per="image"
    )
    return ScaledBlur(), resize


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide the release's numbers, the paper's numbers, the camera pipeline, and the extended model."""
    paper_blurs = (
        ScaledBlur(anisotropic_probability=0.0, side_px=(7, 21)),
        ScaledBlur(anisotropic_probability=1.0, side_px=(7, 21)),
    )
    return [
        srbench.DegradationSpec(
            name="bsrgan",
            label="BSRGAN",
            chain=bsrgan((ScaledBlur(), ScaledBlur()), SensorNoise(), 0.9),
            stochastic=True,
            paper=PAPER,
            notes="As released. Scores on BSRGAN's own test set vary by 0.14 dB between draws: measure several "
            "realisations.",
        ),
        srbench.DegradationSpec(
            name="bsrgan_paper",
            label="BSRGAN, as in the paper",
            chain=bsrgan(paper_blurs, SensorNoise(level=(1, 25)), 0.75),
            stochastic=True,
            paper=PAPER,
            notes="With the paper's numbers where the release has others.",
        ),
        srbench.DegradationSpec(
            name="bsrgan_isp",
            label="BSRGAN with a camera",
            chain=bsrgan((ScaledBlur(), ScaledBlur()), SensorNoise(), 0.9, Sometimes([CameraIsp()], probability=0.25)),
            stochastic=True,
            paper=PAPER,
            notes="Reconstruction: the authors' camera model is not public; this one is from unprocessing.",
        ),
        *(
            srbench.DegradationSpec(
                name=name, label=label, chain=bsrgan_plus(*before), stochastic=True, paper=PAPER, notes=notes
            )
            for name, label, before, notes in (
                ("bsrgan_plus", "BSRGAN+", (), "The release's extended model."),
                ("bsrgan_plus_sharpened", "BSRGAN+, from sharpened hr", (Sharpen(),), "Sharpens hr first."),
            )
        ),
    ]
