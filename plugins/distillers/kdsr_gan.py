"""KDSR-GAN: KDSR for real images, with an adversarial stage at the end (Xia et al., ICLR 2023).

Teacher and student are trained as in `srbench_plugins.distillers.kdsr`, the teacher at half of the student's rate. Then
training of the student continues at half of its rate, with the loss

``L(S, hr) + perceptual(S, hr) + BCE(D(S), 1) + KL(D'_T, D'_S)``

and the discriminator and features of Real-ESRGAN (`srbench_plugins.distillers.gan`), all with weight 1. No images are
sharpened: the release's trainer compares sr with hr as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from srbench_plugins.architectures.kdsr import PAPER
from srbench_plugins.distillers.gan import real_esrgan_adversary
from srbench_plugins.distillers.kdsr import DegradationDistillation
from torch import Tensor

import srbench
from srbench.distilling.adversarial import EMA_DECAY, SECOND_STAGE_RATE
from srbench.distilling.encoders import MakeEncoder, vgg19

ADVERSARIAL_WEIGHT = 1.0
SHARES = (1000, 1000, 400)
"""Thousands of steps of the teacher, the student, and the student with the adversary."""
TEACHER_RATE = 0.5  # × the student's rate


class AdversarialDegradationDistillation(DegradationDistillation):
    """Adds an adversarial stage, in which the representation is still distilled from the teacher.

    Args:
        setup: The training setup; no teacher is needed.
        encoder: Makes the encoder of the term ``perceptual``; None leaves the term out.
        adversarial_weight: Weight of ``adversarial``.

    Raises:
        TrainingError: The student is not a KDSR network.
    """

    ema = EMA_DECAY

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        encoder: MakeEncoder | None = None,
        adversarial_weight: float = ADVERSARIAL_WEIGHT,
    ) -> None:
        super().__init__(setup)
        self.adversary = real_esrgan_adversary(setup, weight=adversarial_weight, encoder=encoder)
        self.notes = self.adversary.notes

    def phases(self) -> Sequence[srbench.Phase]:
        """The teacher, the student, and the student with the adversary."""
        teacher, student = super().phases()
        rate, shares = self.setup.recipe.learning_rate, SHARES
        return (
            replace(teacher, share=shares[0], learning_rate=TEACHER_RATE * rate),
            replace(student, share=shares[1]),
            self.adversary.phase(shares[2], SECOND_STAGE_RATE * rate),
        )

    def step(
        self,
        batch: srbench.Batch,
        optimisers: Mapping[str, srbench.Optimiser],
        next_batch: Callable[[], srbench.Batch],
    ) -> Mapping[str, Tensor]:
        """Take a step of the teacher or the student alone, or of student and discriminator in turn."""
        if "discriminator" not in optimisers:
            return super().step(batch, optimisers, next_batch)
        sr, terms = self.imitate(batch)
        return self.adversary.alternate(sr, batch.hr, terms, optimisers)


def _spec(name: str, label: str, notes: str, encoder: MakeEncoder | None = None) -> srbench.DistillerSpec:
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(AdversarialDegradationDistillation, encoder=encoder),
        needs_teacher=False,
        tried_on=("kdsr_small", "kdsr_small"),
        paper=PAPER,
        license="unknown (no licence file)",
        notes=f"{notes} For KDSR's networks only. Improves perceptual quality at the cost of PSNR. As published: "
        "1,000,000 steps of the teacher at 1e-4, as many of the student at 2e-4, and 400,000 with the adversary at "
        "1e-4, with Adam's betas 0.9 and 0.99. The recipe's steps and rate are divided in the same proportions; each "
        "stage runs through the recipe's schedule, and continues from the weights of the stage before, not from their "
        "average.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide variants with and without compared features."""
    return [
        _spec(
            "kdsr_gan",
            "KDSR-GAN",
            "Not the published form: VGG19's features, whose weights srbench does not have, are left out.",
        ),
        _spec("kdsr_gan_vgg", "KDSR-GAN (VGG-19)", "With VGG19's features, the losses are those published.", vgg19),
    ]
