"""Real-ESRGAN's second-order degradation: blur, resize, noise and JPEG, twice, and a sinc filter.

Every number is from the released options/train_realesrgan_x4plus.yml and feed_data. The x2 model and RealESRNet have
the same numbers, so one degradation covers every scale. As in the release, sizes, modes, kinds of noise and the final
order are drawn once for a batch, the rest for each image.

The release first sharpens ground truths by unsharp masking, makes lr from them, and compares sr with them in all losses
except the adversarial one. Here sr is compared with hr as it is. So `realesrgan` degrades hr as it is, which keeps the
release's relation between lr and target; `realesrgan_sharpened` sharpens hr before it is degraded, which keeps the
release's lr.

The release's pool of 180 pairs is left out, as it would make a batch depend on earlier ones. Its purpose is to mix
images of different draws, which a chain can do directly (``per = "image"`` of the steps).
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
    """Build the choice between Gaussian and photon noise, one kind for a batch."""
    return OneOf([ClampedGaussianNoise(level=level), LevelledPoissonNoise(strength=strength)], per="batch")


def first_round(jpeg: Step) -> list[Step]:
    """Build the first round: blur, resize relative to hr, noise, JPEG."""
    return [MixedBlur(), RandomResize(), camera_noise((1.0, 30.0), (0.05, 3.0)), jpeg]


def second_round(jpeg: Step) -> list[Step]:
    """Build the second round: sometimes blur, resize relative to lr, noise, JPEG before or after resize and sinc."""
    to_lr: list[Step] = [ResizeToLr(), Sometimes([SincFilter()], probability=0.8)]
    resize = RandomResize(up_probability=0.3, down_probability=0.4, up=(1.0, 1.2), down=(0.3, 1.0), relative_to="lr")
    return [
        Sometimes([MixedBlur(sigma_px=(0.2, 1.5))], probability=0.8, per="batch"),
        resize,
        camera_noise((1.0, 25.0), (0.05, 2.5)),
        OneOf([Chain([*to_lr, jpeg]), Chain([jpeg, *to_lr])], per="batch"),
    ]


def chain(*before: Step, jpeg: Step | None = None) -> Chain:
    """Build the chain of both rounds.

    Args:
        before: Steps that come first.
        jpeg: The JPEG step; default: the release's DiffJPEG.
    """
    jpeg = jpeg or DiffJpeg()
    return Chain([*before, *first_round(jpeg), *second_round(jpeg)])


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide the degradation of hr, of sharpened hr, and with the standard luminance table."""
    return [
        srbench.DegradationSpec(
            name="realesrgan",
            label="Real-ESRGAN",
            chain=chain(),
            any_scale=True,
            stochastic=True,
            paper=PAPER,
            notes="Without the release's sharpening of ground truths, see realesrgan_sharpened, and without its pool "
            "of 180 pairs.",
        ),
        srbench.DegradationSpec(
            name="realesrgan_sharpened",
            label="Real-ESRGAN, from sharpened hr",
            chain=chain(Sharpen()),
            any_scale=True,
            stochastic=True,
            paper=PAPER,
        ),
        srbench.DegradationSpec(
            name="realesrgan_jpeg_table",
            label="Real-ESRGAN, standard JPEG table",
            chain=chain(jpeg=DiffJpeg(luminance_table="standard")),
            any_scale=True,
            stochastic=True,
            paper=PAPER,
            notes="With the standard luminance table, which the release transposes.",
        ),
    ]
