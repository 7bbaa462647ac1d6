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

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

import srbench
from srbench.distilling.distiller import sum_of
from srbench.distilling.encoders import MakeEncoder, vgg19
from srbench.imaging.filtering import sharpen
from srbench.networks.blocks import conv, full_precision

ADVERSARIAL_WEIGHT = 0.1
LAYER_WEIGHTS = (0.1, 0.1, 1.0, 1.0, 1.0)
"""Weights of the layers that the encoder `vgg19` returns."""
STAGE_SHARES = (1000, 400)
"""Thousands of steps alone and with the adversary, as published."""
SECOND_STAGE_RATE = 0.5  # × the rate of the first stage
EMA_DECAY = 0.999
DISCRIMINATOR_WIDTH, DISCRIMINATOR_SLOPE = 64, 0.2


class Discriminator(nn.Module):
    """A U-Net whose weights have a spectral norm of 1; its keys are the release's.

    Three convolutions halve the image; three more follow the enlargements, each added to the earlier map of its size.

    Args:
        colours: Channels of an image.
        width: Channels at the image's own size.
    """

    least = 8
    """Shortest side in pixels."""

    def __init__(self, colours: int = 3, *, width: int = DISCRIMINATOR_WIDTH) -> None:
        super().__init__()
        self.conv0 = conv(colours, width)
        self.conv1 = _normed(width, 2 * width, 4, 2)
        self.conv2 = _normed(2 * width, 4 * width, 4, 2)
        self.conv3 = _normed(4 * width, 8 * width, 4, 2)
        self.conv4 = _normed(8 * width, 4 * width)
        self.conv5 = _normed(4 * width, 2 * width)
        self.conv6 = _normed(2 * width, width)
        self.conv7 = _normed(width, width)
        self.conv8 = _normed(width, width)
        self.conv9 = conv(width, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to logits (N, 1, H, W), positive where a pixel looks like one of hr.

        Raises:
            TrainingError: A side is shorter than 8.
        """
        if (side := min(images.shape[-2:])) < self.least:
            raise srbench.TrainingError(
                f"The discriminator halves images three times, which takes patches of {self.least} pixels a side, and "
                f"those of hr have {side}; raise the recipe's patch."
            )
        maps = [_active(self.conv0(images))]
        for shrink in (self.conv1, self.conv2, self.conv3):
            maps.append(_active(shrink(maps[-1])))
        merged = maps.pop()
        for grow in (self.conv4, self.conv5, self.conv6):
            skip = maps.pop()
            # to the skip's size: twice that of the enlarged map, or one more where an odd side was halved
            merged = _active(grow(F.interpolate(merged, skip.shape[-2:], mode="bilinear"))) + skip
        logits: Tensor = self.conv9(_active(self.conv8(_active(self.conv7(merged)))))
        return logits


def _normed(channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> nn.Module:
    # torch has two forms; the keys of this one are those of published discriminators
    return spectral_norm(nn.Conv2d(channels_in, channels_out, kernel, stride, padding=1, bias=False))


def _active(maps: Tensor) -> Tensor:
    return F.leaky_relu(maps, DISCRIMINATOR_SLOPE)


def perceptual(maps: Sequence[Tensor], targets: Sequence[Tensor], weights: Sequence[float] = LAYER_WEIGHTS) -> Tensor:
    """The weighted sum over layers of mean absolute differences.

    Args:
        maps: Features (N, C, h, w) of each layer.
        targets: Features of the same shapes.
        weights: One for each layer.
    """
    layers = zip(weights, maps, targets, strict=True)
    return torch.stack([weight * F.l1_loss(features, target) for weight, features, target in layers]).sum()


class Adversary(nn.Module):
    """The discriminator, an optional encoder, and the alternating training of student and discriminator.

    Args:
        setup: The training setup.
        weight: Weight of ``adversarial``.
        encoder: Makes the encoder of the term ``perceptual``; None leaves the term out.

    Attributes:
        notes: For `srbench.Distiller.notes`.
    """

    def __init__(
        self, setup: srbench.Setup, *, weight: float = ADVERSARIAL_WEIGHT, encoder: MakeEncoder | None = None
    ) -> None:
        super().__init__()
        self.setup, self.weight = setup, weight
        self.discriminator = Discriminator(setup.student.colours)
        self.encode = None if encoder is None else encoder(setup.device)
        encoder_note = (
            "No features are compared" if self.encode is None else f"Features are those of {self.encode.name}"
        )
        self.notes = (f"{encoder_note}.",)

    def phase(self, share: float, learning_rate: float) -> srbench.Phase:
        """Return the stage in which student and discriminator learn, at one rate."""
        optimised: dict[str, list[nn.Module]]
        optimised = {"student": [self.setup.student.module], "discriminator": [self.discriminator]}
        return srbench.Phase("adversary", share, optimised, learning_rate=dict.fromkeys(optimised, learning_rate))

    def terms(self, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """Compute the student's terms: ``perceptual`` if there is an encoder, and ``adversarial``.

        Args:
            sr: The student's output (N, C, H, W).
            hr: The target of ``perceptual``.
        """
        adversarial = {"adversarial": self.weight * _entropy(self.discriminator(sr), real=True)}
        if self.encode is None:
            return adversarial
        with torch.no_grad():
            targets = self.encode(hr)
        return {"perceptual": perceptual(self.encode(sr), targets), **adversarial}

    def alternate(
        self,
        sr: Tensor,
        hr: Tensor,
        terms: Mapping[str, Tensor],
        optimisers: Mapping[str, srbench.Optimiser],
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
        terms = {**terms, **self.terms(sr, hr if target is None else target)}
        optimisers["student"].minimise(sum_of(terms))
        self.discriminator.requires_grad_()
        discriminator_terms, optimiser = {}, optimisers["discriminator"]
        optimiser.zero_grad()
        for name, images in (("real", hr), ("fake", sr.detach())):
            discriminator_terms[name] = _entropy(self.discriminator(images), real=name == "real")
            optimiser.backward(discriminator_terms[name])
        optimiser.step()
        return {**terms, **discriminator_terms}


def _entropy(logits: Tensor, *, real: bool) -> Tensor:
    """The mean binary cross-entropy of logits that all have the same label."""
    with full_precision(logits):
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


class GAN(srbench.Distiller):
    """Trains on the recipe's terms, and in the second stage also on those of `Adversary`.

    Args:
        setup: The training setup; no teacher is needed.
        weight: Weight of ``adversarial``.
        encoder: Makes the encoder of the term ``perceptual``; None leaves the term out.
        sharpened: Whether sr is compared with sharpened hr; the discriminator always gets hr as it is.
    """

    ema = EMA_DECAY

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        weight: float = ADVERSARIAL_WEIGHT,
        encoder: MakeEncoder | None = None,
        sharpened: bool = False,
    ) -> None:
        super().__init__(setup)
        self.adversary = Adversary(setup, weight=weight, encoder=encoder)
        self.sharpened, self.trained = sharpened, setup.recipe.start_from is not None
        stages = ("The recipe starts from other weights, so all steps are adversarial.",) if self.trained else ()
        self.notes = (*self.adversary.notes, *stages)

    def phases(self) -> Sequence[srbench.Phase]:
        """The network alone, then with the adversary; only the latter if the recipe starts from other weights."""
        rate, (alone, together) = self.setup.recipe.learning_rate, STAGE_SHARES
        if self.trained:
            return (self.adversary.phase(1.0, rate),)
        return (
            srbench.Phase("network", alone, {"main": [self.setup.student.module]}),
            self.adversary.phase(together, SECOND_STAGE_RATE * rate),
        )

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms."""
        return self.setup.supervised(self._sr(batch), self._target(batch))

    def step(
        self,
        batch: srbench.Batch,
        optimisers: Mapping[str, srbench.Optimiser],
        next_batch: Callable[[], srbench.Batch],
    ) -> Mapping[str, Tensor]:
        """Take a step of the network alone, or of network and discriminator in turn."""
        if "discriminator" not in optimisers:
            return super().step(batch, optimisers, next_batch)
        sr, target = self._sr(batch), self._target(batch)
        terms = self.setup.supervised(sr, target)
        return self.adversary.alternate(sr, batch.hr, terms, optimisers, target=target)

    def _sr(self, batch: srbench.Batch) -> Tensor:
        return self.setup.student(batch.lr, batch.scale, conditions=batch.conditions)

    def _target(self, batch: srbench.Batch) -> Tensor:
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
