"""Adversarial training: what a discriminator's logits cost, and the steps of a student and a discriminator in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srbench.distilling.distiller import Batch, Distiller, Optimiser, Phase, Setup, sum_of
from srbench.distilling.encoders import MakeEncoder
from srbench.distilling.perceptual import Comparison, perceptual
from srbench.networks.blocks import full_precision

EMA_DECAY = 0.999
STAGE_SHARES = (1000, 400)
"""Thousands of steps alone and with the adversary, in ESRGAN and Real-ESRGAN."""
SECOND_STAGE_RATE = 0.5  # × the rate of the first stage

Criterion = Callable[..., Tensor]
"""``criterion(logits, real=True)`` is the mean cost of logits that should all say "real", or all "fake"."""


def vanilla(logits: Tensor, *, real: bool) -> Tensor:
    """Return the mean binary cross-entropy of logits that all have the same label (Goodfellow et al., 2014)."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def least_squares(logits: Tensor, *, real: bool) -> Tensor:
    """Return the mean squared difference from 1, or from 0 for fake images (LSGAN, Mao et al., 2017)."""
    return (logits - float(real)).square().mean()


def wasserstein(logits: Tensor, *, real: bool) -> Tensor:
    """Return the mean, negated for real images (WGAN, Arjovsky et al., 2017)."""
    return -logits.mean() if real else logits.mean()


def softplus(logits: Tensor, *, real: bool) -> Tensor:
    """Return the mean of ``log(1 + exp(∓logits))``; `vanilla` by another formula, BasicSR's ``wgan_softplus``."""
    return F.softplus(-logits if real else logits).mean()


def hinge(logits: Tensor, *, real: bool) -> Tensor:
    """Return the mean of ``max(0, 1 ∓ logits)`` (Miyato et al., 2018)."""
    return F.relu(1 - logits if real else 1 + logits).mean()


@dataclass(frozen=True, slots=True)
class AdversarialLoss:
    """The losses of student and discriminator, from the discriminator's logits.

    A relativistic average one compares each logit with the mean logit of the other images (Jolicoeur-Martineau, 2019):
    it asks whether an image is more real than the others, so that the student also has a gradient from hr's.
    """

    criterion: Criterion = vanilla
    student_criterion: Criterion | None = None
    """The student's criterion without relativism, if it is another one."""
    relativistic: bool = False

    def of_student(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return the student's term, which falls as sr is taken for hr.

        Args:
            fake: Logits of sr, of any shape.
            real: Logits of hr; only a relativistic loss needs them, and gives them no gradient.
        """
        with full_precision(fake):
            fake = _wide(fake)
            if not self.relativistic or real is None:
                return (self.student_criterion or self.criterion)(fake, real=True)
            real = _wide(real).detach()
            return (self.criterion(real - fake.mean(), real=False) + self.criterion(fake - real.mean(), real=True)) / 2

    def of_discriminator(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Return the discriminator's terms, ``real`` and ``fake``.

        Each gives a gradient to its own logits alone, as in BasicSR; the terms of a relativistic loss are halved.

        Args:
            real: Logits of hr.
            fake: Logits of sr.
        """
        with full_precision(real):
            real, fake = _wide(real), _wide(fake)
            if not self.relativistic:
                return {"real": self.criterion(real, real=True), "fake": self.criterion(fake, real=False)}
            return {
                "real": self.criterion(real - fake.detach().mean(), real=True) / 2,
                "fake": self.criterion(fake - real.detach().mean(), real=False) / 2,
            }


def _wide(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


PLAIN = AdversarialLoss()
"""The binary cross-entropy, as in SRGAN and Real-ESRGAN."""
RELATIVISTIC = AdversarialLoss(relativistic=True)
"""The relativistic average one of ESRGAN."""
LEAST_SQUARES = AdversarialLoss(least_squares)
WASSERSTEIN = AdversarialLoss(wasserstein)
HINGE = AdversarialLoss(hinge, student_criterion=wasserstein)


class Adversary(nn.Module):
    """A discriminator, an optional encoder, and the alternating training of student and discriminator.

    Args:
        setup: The training setup.
        discriminator: Maps images (N, C, H, W) to logits of any shape.
        weight: Weight of ``adversarial``.
        loss: What the logits cost.
        encoder: Makes the encoder of the term ``perceptual``; None leaves the term out.
        compare: Compares the encoder's features of sr and hr.

    Attributes:
        notes: For `srbench.Distiller.notes`.
    """

    def __init__(
        self,
        setup: Setup,
        discriminator: nn.Module,
        *,
        weight: float,
        loss: AdversarialLoss = PLAIN,
        encoder: MakeEncoder | None = None,
        compare: Comparison = perceptual,
    ) -> None:
        super().__init__()
        self.setup, self.weight, self.loss, self.compare = setup, weight, loss, compare
        self.discriminator = discriminator
        self.encode = None if encoder is None else encoder(setup.device)
        encoder_note = (
            "No features are compared" if self.encode is None else f"Features are those of {self.encode.description}"
        )
        self.notes = (f"{encoder_note}.",)

    def phase(self, share: float, learning_rate: float) -> Phase:
        """Return the stage in which student and discriminator learn, at one rate."""
        optimised: dict[str, list[nn.Module]]
        optimised = {"student": [self.setup.student.module], "discriminator": [self.discriminator]}
        return Phase("adversary", share, optimised, learning_rate=dict.fromkeys(optimised, learning_rate))

    def terms(self, sr: Tensor, target: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """Compute the student's terms: ``perceptual`` if there is an encoder, and ``adversarial``.

        Args:
            sr: The student's output (N, C, H, W).
            target: The target of ``perceptual``.
            hr: The real images for a relativistic loss.
        """
        real = None
        if self.loss.relativistic:
            with torch.no_grad():
                real = self.discriminator(hr)
        adversarial = {"adversarial": self.weight * self.loss.of_student(self.discriminator(sr), real)}
        if self.encode is None:
            return adversarial
        with torch.no_grad():
            targets = self.encode(target)
        return {"perceptual": self.compare(self.encode(sr), targets), **adversarial}

    def alternate(
        self,
        sr: Tensor,
        hr: Tensor,
        terms: Mapping[str, Tensor],
        optimisers: Mapping[str, Optimiser],
        *,
        target: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        """Take a step of the student, then one of the discriminator, which gets hr and sr in separate batches.

        Args:
            sr: The student's output.
            hr: The real images for the discriminator.
            terms: The student's terms besides those of `terms`.
            optimisers: The optimisers of `phase`.
            target: The target of the student; default: hr.

        Returns:
            All terms; those of the discriminator are ``real`` and ``fake``.
        """
        self.discriminator.requires_grad_(requires_grad=False)  # keeps the gradients of the student's loss away from it
        terms = {**terms, **self.terms(sr, hr if target is None else target, hr)}
        optimisers["student"].minimise(sum_of(terms))
        self.discriminator.requires_grad_()
        optimiser = optimisers["discriminator"]
        optimiser.zero_grad()
        judged = self.loss.of_discriminator(self.discriminator(hr), self.discriminator(sr.detach()))
        for term in judged.values():
            optimiser.backward(term)
        optimiser.step()
        return {**terms, **judged}


class AdversarialTraining(Distiller):
    """Trains on the recipe's terms alone, and in the second stage also on those of an adversary.

    If the recipe starts from other weights (``start_from``), the first stage is left out: all steps belong to the
    second stage, at the recipe's full rate.

    Args:
        setup: The training setup; no teacher is needed.
        adversary: The discriminator and its losses.
        pixel_weight: Factor on the recipe's terms in the second stage; 0 leaves them out.
    """

    ema = EMA_DECAY
    data_parallel = True

    def __init__(self, setup: Setup, adversary: Adversary, *, pixel_weight: float = 1.0) -> None:
        super().__init__(setup)
        self.adversary, self.pixel_weight = adversary, pixel_weight
        if adversary.loss.relativistic:  # it compares with the mean of other images
            self.data_parallel = False
        self.trained = setup.recipe.start_from is not None
        stages = ("The recipe starts from other weights, so all steps are adversarial.",) if self.trained else ()
        self.notes = (*adversary.notes, *stages)

    def target(self, batch: Batch) -> Tensor:
        """Return what the student's output is compared with, except by the discriminator: hr."""
        return batch.hr

    def phases(self) -> Sequence[Phase]:
        """The network alone, then with the adversary; only the latter if the recipe starts from other weights."""
        rate, (alone, together) = self.setup.recipe.learning_rate, STAGE_SHARES
        if self.trained:
            return (self.adversary.phase(1.0, rate),)
        return (
            Phase("network", alone, {"main": [self.setup.student.module]}),
            self.adversary.phase(together, SECOND_STAGE_RATE * rate),
        )

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        """The recipe's terms."""
        return self.setup.supervised(self._sr(batch), self.target(batch))

    def step(
        self,
        batch: Batch,
        optimisers: Mapping[str, Optimiser],
        next_batch: Callable[[], Batch],
    ) -> Mapping[str, Tensor]:
        """Take a step of the network alone, or of network and discriminator in turn."""
        if "discriminator" not in optimisers:
            return super().step(batch, optimisers, next_batch)
        sr, target, terms = self._sr(batch), self.target(batch), {}
        if self.pixel_weight:
            supervised = self.setup.supervised(sr, target)
            terms = {name: self.pixel_weight * term for name, term in supervised.items()}
        return self.adversary.alternate(sr, batch.hr, terms, optimisers, target=target)

    def _sr(self, batch: Batch) -> Tensor:
        return self.setup.student(batch.lr, batch.scale, conditions=batch.conditions)
