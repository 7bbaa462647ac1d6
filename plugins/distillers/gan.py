"""An adversary that distinguishes sr from hr, for any network (Real-ESRGAN, Wang et al., ICCV Workshops 2021).

The network learns alone at first, by the recipe's losses ``L``. Then it learns by

``L(S, hr) + sum over layers of v_i |f_i(S) - f_i(hr)| + 0.1 * BCE(D(S), 1)``,

and at every step, after it, the discriminator D by ``BCE(D(hr), 1) + BCE(D(S), 0)``, with S as it was before the step.
D is a U-Net that gives a logit for every pixel; f are layers of ImageNet's VGG19, before their ReLUs. Both learn at
half of the rate at which the network learnt alone, and the average of the network's weights is what is kept.

Where the recipe starts from other weights (``start_from``), the network is not trained alone, and all of the recipe's
steps and its whole rate are those of the second stage.

The weights of VGG19 do not come with srbench. ``gan`` leaves its term out; ``gan_vgg`` has it, as published. The
release also sharpens hr in all terms but the adversary's: ``gan_vgg_sharpened``.
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
from srbench.imaging.sharpening import sharpen
from srbench.networks.blocks import conv, full_precision

ADVERSARIAL_WEIGHT = 0.1
LAYER_WEIGHTS = (0.1, 0.1, 1.0, 1.0, 1.0)
"""Weights of the layers that the encoder `vgg19` gives."""
STAGE_SHARES = (1000, 400)
"""Thousands of steps alone and with the adversary, as published."""
SECOND_STAGE_RATE = 0.5
"""Times the rate of the first stage."""
EMA_DECAY = 0.999
DISCRIMINATOR_WIDTH, DISCRIMINATOR_SLOPE = 64, 0.2


class Discriminator(nn.Module):
    """A U-Net whose weights have a spectral norm of 1; keys are the release's.

    Three convolutions halve the image, three more follow its enlargement back, each added to what had its size before.

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
        """(N, C, H, W) to logits (N, 1, H, W), positive where a pixel looks like one of hr.

        Raises:
            TrainingError: A side is shorter than 8.
        """
        if (side := min(images.shape[-2:])) < self.least:
            raise srbench.TrainingError(
                f"The discriminator halves images three times and patches of hr have {side} pixels a side; raise the "
                f"recipe's patch, so that they have {self.least}."
            )
        maps = [_active(self.conv0(images))]
        for shrink in (self.conv1, self.conv2, self.conv3):
            maps.append(_active(shrink(maps[-1])))
        seen = maps.pop()
        for grow in (self.conv4, self.conv5, self.conv6):
            before = maps.pop()
            # to its size, which is twice that of what is enlarged, and one more where an odd side was halved
            seen = _active(grow(F.interpolate(seen, before.shape[-2:], mode="bilinear"))) + before
        logits: Tensor = self.conv9(_active(self.conv8(_active(self.conv7(seen)))))
        return logits


def _normed(channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> nn.Module:
    # of its two forms, the one whose keys are those of published discriminators
    return spectral_norm(nn.Conv2d(channels_in, channels_out, kernel, stride, padding=1, bias=False))


def _active(maps: Tensor) -> Tensor:
    return F.leaky_relu(maps, DISCRIMINATOR_SLOPE)


def perceptual(maps: Sequence[Tensor], wanted: Sequence[Tensor], weights: Sequence[float] = LAYER_WEIGHTS) -> Tensor:
    """The weighted sum over layers of mean absolute differences.

    Args:
        maps: Of each layer, (N, C, h, w).
        wanted: The same.
        weights: One for each layer.
    """
    layers = zip(weights, maps, wanted, strict=True)
    return torch.stack([weight * F.l1_loss(mine, theirs) for weight, mine, theirs in layers]).sum()


class Adversary(nn.Module):
    """The discriminator, the encoder if there is one, and how they and a student learn in turn.

    Args:
        setup: The training's.
        weight: Of ``adversarial``.
        encoder: What sees the images of ``perceptual``; None leaves that out.

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
        seen = "no network compares features" if self.encode is None else f"features are those of {self.encode.name}"
        self.notes = (f"Beside the adversary, {seen}.",)

    def phase(self, share: float, learning_rate: float) -> srbench.Phase:
        """The stage in which student and discriminator learn, at one rate."""
        optimised: dict[str, list[nn.Module]]
        optimised = {"student": [self.setup.student.module], "discriminator": [self.discriminator]}
        return srbench.Phase("adversary", share, optimised, learning_rate=dict.fromkeys(optimised, learning_rate))

    def terms(self, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """Compute the student's terms: ``perceptual`` if there is an encoder, and ``adversarial``.

        Args:
            sr: (N, C, H, W).
            hr: What ``perceptual`` compares it with.
        """
        adversarial = {"adversarial": self.weight * _entropy(self.discriminator(sr), real=True)}
        if self.encode is None:
            return adversarial
        with torch.no_grad():
            wanted = self.encode(hr)
        return {"perceptual": perceptual(self.encode(sr), wanted), **adversarial}

    def alternate(
        self,
        sr: Tensor,
        hr: Tensor,
        terms: Mapping[str, Tensor],
        optimisers: Mapping[str, srbench.Optimiser],
        *,
        target: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        """A step of the student, then one of the discriminator, which sees hr and sr apart.

        Args:
            sr: What the student made.
            hr: What the discriminator should call real.
            terms: Of the student, besides those of `terms`.
            optimisers: Those of `phase`.
            target: What the student should make; hr if None.

        Returns:
            All terms; those of the discriminator are ``real`` and ``fake``.
        """
        self.discriminator.requires_grad_(requires_grad=False)  # it would be given gradients of the student's loss
        terms = {**terms, **self.terms(sr, hr if target is None else target)}
        optimisers["student"].minimise(sum_of(terms))
        self.discriminator.requires_grad_()
        own, learns = {}, optimisers["discriminator"]
        learns.zero_grad()
        for name, images in (("real", hr), ("fake", sr.detach())):
            own[name] = _entropy(self.discriminator(images), real=name == "real")
            learns.backward(own[name])
        learns.step()
        return {**terms, **own}


def _entropy(logits: Tensor, *, real: bool) -> Tensor:
    """The mean binary cross-entropy of logits that should all say the same."""
    with full_precision(logits):
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


class GAN(srbench.Distiller):
    """The recipe's terms; in the second stage those of `Adversary` besides.

    Args:
        setup: The training's; no teacher is needed.
        weight: Of ``adversarial``.
        encoder: What sees the images of ``perceptual``; None leaves that out.
        sharpened: Whether hr is sharpened wherever sr is compared with it, but not where the discriminator sees it.
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
        stages = "It starts from other weights: all steps are with the adversary." if self.trained else ""
        self.notes = (*self.adversary.notes, *filter(None, [stages]))

    def phases(self) -> Sequence[srbench.Phase]:
        """The network alone, then with the adversary; the latter only where the recipe starts from other weights."""
        rate, (alone, together) = self.setup.recipe.learning_rate, STAGE_SHARES
        if self.trained:
            return (self.adversary.phase(1.0, rate),)
        return (
            srbench.Phase("network", alone, {"main": [self.setup.student.module]}),
            self.adversary.phase(together, SECOND_STAGE_RATE * rate),
        )

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's."""
        return self.setup.supervised(self._sr(batch), self._target(batch))

    def step(
        self,
        batch: srbench.Batch,
        optimisers: Mapping[str, srbench.Optimiser],
        next_batch: Callable[[], srbench.Batch],
    ) -> Mapping[str, Tensor]:
        """One of the network alone, or of both in turn."""
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
        notes=f"{notes} For looks, at the cost of PSNR. As published, the network learns alone for 1,000,000 steps of "
        "1,400,000, and then with the adversary at half of the rate, Adam's betas being 0.9 and 0.99; the steps are "
        "shared so here, each stage runs through the recipe's schedule, and the second goes on from the weights of the "
        "first, not from their average. With a recipe that starts from other weights (start_from), all steps are of "
        "the second stage.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Variants differ in whether features are compared, and whether with sharpened images."""
    vgg = "With VGG19's features, the losses and weights are those published"
    return [
        _spec(
            "gan", "GAN", "Not the published form: VGG19's features, whose weights srbench does not have, are left out."
        ),
        _spec("gan_vgg", "GAN (VGG-19)", f"{vgg}; hr is compared as it is.", encoder=vgg19),
        _spec(
            "gan_vgg_sharpened",
            "GAN (VGG-19, sharpened)",
            f"{vgg}; as in the release, hr is sharpened but for the adversary. Meant for the degradation "
            "realesrgan_sharpened.",
            encoder=vgg19,
            sharpened=True,
        ),
    ]
