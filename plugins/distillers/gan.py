"""Adversarial training for any network (Real-ESRGAN, Wang et al., ICCV Workshops 2021).

In the first stage the network is trained alone, on the recipe's losses ``L``. In the second stage its loss is

``L(S, hr) + sum over layers of v_i |f_i(S) - f_i(hr)| + 0.1 * BCE(D(S), 1)``,

and after each of its steps the discriminator D takes one on ``BCE(D(hr), 1) + BCE(D(S), 0)``, with S from before the
step. D is a U-Net that returns a logit for every pixel; f are layers of ImageNet's VGG19, before their ReLUs. In the
second stage both learn at half of the first stage's rate. The average of the network's weights is kept.

If the recipe starts from other weights (``start_from``), the first stage is left out: all steps belong to the second
stage, at the recipe's full rate.

The weights of VGG19 do not come with srbench. ``gan`` leaves its term out; ``gan_vgg`` has it, as published. The
release also sharpens hr in all terms except the adversarial one: ``gan_vgg_sharpened``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor

import srbench
from srbench.distilling.adversarial import AdversarialTraining, Adversary
from srbench.distilling.discriminators import UNetDiscriminator
from srbench.distilling.encoders import MakeEncoder, vgg19
from srbench.distilling.perceptual import perceptual
from srbench.imaging.filtering import sharpen

ADVERSARIAL_WEIGHT = 0.1
LAYER_WEIGHTS = (0.1, 0.1, 1.0, 1.0, 1.0)
"""Weights of the layers that the encoder `vgg19` returns."""


def real_esrgan_adversary(
    setup: srbench.Setup, *, weight: float = ADVERSARIAL_WEIGHT, encoder: MakeEncoder | None = None
) -> Adversary:
    """Make the adversary of Real-ESRGAN.

    Args:
        setup: The training setup.
        weight: Weight of ``adversarial``.
        encoder: Makes the encoder of the term ``perceptual``; None leaves the term out.
    """
    discriminator = UNetDiscriminator(setup.student.colours)
    compare = partial(perceptual, weights=LAYER_WEIGHTS)
    return Adversary(setup, discriminator, weight=weight, encoder=encoder, compare=compare)


class GAN(AdversarialTraining):
    """Trains on the recipe's terms, and in the second stage also on those of `real_esrgan_adversary`.

    Args:
        setup: The training setup; no teacher is needed.
        weight: Weight of ``adversarial``.
        encoder: Makes the encoder of the term ``perceptual``; None leaves the term out.
        sharpened: Whether sr is compared with sharpened hr; the discriminator always gets hr as it is.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        weight: float = ADVERSARIAL_WEIGHT,
        encoder: MakeEncoder | None = None,
        sharpened: bool = False,
    ) -> None:
        super().__init__(setup, real_esrgan_adversary(setup, weight=weight, encoder=encoder))
        self.sharpened = sharpened

    def target(self, batch: srbench.Batch) -> Tensor:
        """Return hr, sharpened if the method asks for it."""
        return sharpen(batch.hr) if self.sharpened else batch.hr


def _spec(name: str, label: str, notes: str, **options: Any) -> srbench.DistillerSpec:  # noqa: ANN401 - the class's
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(GAN, **options),
        needs_teacher=False,
        license="BSD-3-Clause",
        paper=srbench.Paper(
            title="Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
            venue="ICCV Workshops",
            year=2021,
            url="https://arxiv.org/abs/2107.10833",
        ),
        notes=f"{notes} Improves perceptual quality at the cost of PSNR. As published, the network is trained alone "
        "for 1,000,000 of 1,400,000 steps, and then with the adversary at half of the rate, with Adam's betas 0.9 and "
        "0.99. The recipe's steps are divided in the same proportion, each stage runs through the recipe's schedule, "
        "and the second continues from the weights of the first, not from their average. With a recipe that starts "
        "from other weights (start_from), all steps belong to the second stage.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide variants with and without compared features and sharpened images."""
    vgg = "With VGG19's features, the losses and weights are those published"
    return [
        _spec(
            "gan", "GAN", "Not the published form: VGG19's features, whose weights srbench does not have, are left out."
        ),
        _spec("gan_vgg", "GAN (VGG-19)", f"{vgg}; hr is compared as it is.", encoder=vgg19),
        _spec(
            "gan_vgg_sharpened",
            "GAN (VGG-19, sharpened)",
            f"{vgg}; as in the release, hr is sharpened, except for the discriminator. Meant for the degradation "
            "realesrgan_sharpened.",
            encoder=vgg19,
            sharpened=True,
        ),
    ]
