"""Real-ESRGAN's second-order degradation: blur, resize, noise and JPEG, twice, and a sinc filter.

Every number is of the released options/train_realesrgan_x4plus.yml and feed_data; those of the x2 model and of
RealESRNet are the same, so one degradation serves every scale. What the release draws once for a batch (sizes, modes,
kinds of noise, the order at the end) is drawn once for a batch here, the rest for each image.

The release sharpens ground truths by unsharp masking first, makes lr from them, and compares sr with them in all but
the adversarial loss. Here sr is compared with hr as it is. So `realesrgan` degrades hr as it is, which is the relation
that the release trains, and `realesrgan_sharpened` sharpens hr first, which is the relation to the plain image.

Not here: the release's pool of 180 pairs, which mixes batches of one size each and so depends on the batches before.
What it is for, images of different draws side by side, a chain can have directly (``per = "image"`` of the steps).
"""

from __future__ import annotations

from srbench_plugins.steps.realesrgan import (
    ClampedGaussianNoise,
    DiffJpeg,
    LevelledPoissonNoise,
    MixedBlur,
    Sharpen,
    SincFilter,
)
from srbench_plugins.steps.resize import RandomResize, ResizeToLr

import srbench
from srbench.degrading import Chain, OneOf, Sometimes, Step

PAPER = srbench.Paper(
    title="Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
    venue="ICCV Workshops",
    year=2021,
    url="https://arxiv.org/abs/2107.10833",
)


def camera_noise(level: tuple[float, float], strength: tuple[float, float]) -> OneOf:
    """Gaussian or photon noise, one kind for a batch."""
    return OneOf([ClampedGaussianNoise(level=level), LevelledPoissonNoise(strength=strength)], per="batch")


def first_round(jpeg: Step) -> list[Step]:
    """Blur, resize relative to hr, noise, JPEG."""
    return [MixedBlur(), RandomResize(), camera_noise((1.0, 30.0), (0.05, 3.0)), jpeg]


def second_round(jpeg: Step) -> list[Step]:
    """Blur now and then, resize relative to lr, noise, and JPEG before or after the way to lr's size and the sinc."""
    to_lr: list[Step] = [ResizeToLr(), Sometimes([SincFilter()], probability=0.8)]
    resize = RandomResize(up_probability=0.3, down_probability=0.4, up=(1.0, 1.2), down=(0.3, 1.0), relative_to="lr")
    return [
        Sometimes([MixedBlur(sigma_px=(0.2, 1.5))], probability=0.8, per="batch"),
        resize,
        camera_noise((1.0, 25.0), (0.05, 2.5)),
        OneOf([Chain([*to_lr, jpeg]), Chain([jpeg, *to_lr])], per="batch"),
    ]


def chain(*before: Step, jpeg: Step | None = None) -> Chain:
    """Both rounds.

    Args:
        before: Steps that come first.
        jpeg: Instead of the release's DiffJPEG.
    """
    jpeg = jpeg or DiffJpeg()
    return Chain([*before, *first_round(jpeg), *second_round(jpeg)])


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """From hr, from sharpened hr, and with the luminance table that codecs have."""
    return [
        srbench.DegradationSpec(
            name="realesrgan",
            label="Real-ESRGAN",
            chain=chain(),
            stochastic=True,
            paper=PAPER,
            notes="The sharpening of ground truths is left out, see realesrgan_sharpened; so is the pool of 180 pairs.",
        ),
        srbench.DegradationSpec(
            name="realesrgan_sharpened",
            label="Real-ESRGAN, from sharpened hr",
            chain=chain(Sharpen()),
            stochastic=True,
            paper=PAPER,
        ),
        srbench.DegradationSpec(
            name="realesrgan_jpeg_table",
            label="Real-ESRGAN, standard JPEG table",
            chain=chain(jpeg=DiffJpeg(luminance_table="standard")),
            stochastic=True,
            paper=PAPER,
            notes="The luminance table as codecs have it, where the release has it transposed.",
        ),
    ]
