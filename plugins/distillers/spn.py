"""SPN: a contrastive loss whose negatives are the student's own earlier outputs (Wu et al., AAAI 2024).

``L(S, hr) + w * sum over levels of w_i |e_i(S) - e_i(hr)| / sum over k of |e_i(S) - e_i(H_k)|``, where e is a frozen
encoder, and H are outputs of the history, an average of the student's earlier weights. It has no teacher, so SPN is
the control of DCKD, which has another positive. The loss has CSD's form; that the paper uses this form, its weight, and
how the history follows the student are our reading.

The history's output for the same lr is very close to the student's, and much closer than hr. As the only negative it
lets the ratio outweigh everything else: in a small EDSR after 250 steps its gradient was 300 times that of the L1 loss,
and opposed to it (cosine -0.76). So there are four more negatives from noisy lr, as in DCKD; the gradient is then 0.6
times that of the L1 loss. ``partial(SPN, noisy=0)`` has the one negative only.

A ratio also rewards the wrong direction while hr is far. Let a be the distance to hr, and b the sum of the distances to
K negatives. A step d away from all of them changes a / b by ``(b - K a) d / b²``, so the ratio falls if a is more than
b / K: a student further from hr than from its history gains by moving away from both, and the more so over time. Short
trainings, in which the history is near and hr far, ended 7 to 13 dB below plain ones. So a level gives no gradient
while hr is further than the negatives are on average; the rest never pushes harder than it pulls.

The papers' encoders are VGG19 and VQGAN, whose weights do not come with srbench, so the encoder can be chosen: by
default an untrained one, the same on every machine; one trained on ImageNet, if its weights are present (``spn_alex``,
``spn_vgg``); or any other with ``partial(SPN, encoder=…)``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.distilling.encoders import LEVEL_WEIGHTS, Encoder, MakeEncoder, alexnet, untrained, vgg16

CONTRAST_WEIGHT = 0.1
"""From DCKD; our choice."""
RATIO_CAP = 1.0
"""Cap on the positive's distance, in units of the mean distance to the negatives; our choice, see the text above."""
NOISY_NEGATIVES = 4
"""Negatives from noisy lr; one more comes from lr itself."""
NOISE_RANGE = (1 / 255, 30 / 255)
"""Smallest and largest standard deviation of the noise."""
GREY_SHARE = 0.5
"""Share of the images whose noise is the same in all channels."""
HISTORY_KEEP = 0.1
"""Share of its weights that the history keeps in an update."""
HISTORY_PERIOD = 1 / 10
"""Share of the steps between updates of the history; our choice, as with shorter periods in short trainings the history
equals the student. DCKD's release starts with 1 / 250, which is 1,000 of its 250,000 steps."""
PERIOD_GROWTH = 0.4
"""Share of the steps after which the period grows by its first length again; 100,000 steps in DCKD's release."""


def contrast(
    anchors: Sequence[Tensor],
    positives: Sequence[Tensor],
    negatives: Sequence[Tensor],
    weights: Sequence[float] = LEVEL_WEIGHTS,
    cap: float = math.inf,
) -> Tensor:
    """Divide the distance to the positive by the distance to the negatives: CSD's ratio, with negatives of each image.

    Args:
        anchors: One tensor (N, C, h, w) for each level.
        positives: Tensors of the same shapes.
        negatives: One tensor (K, N, C, h, w) for each level; distances to the K are added up.
        weights: One for each level.
        cap: Largest distance of the positive, in units of the mean distance to the negatives; a level beyond it counts
            as if at the cap, without gradient.
    """
    levels = zip(anchors, positives, negatives, strict=True)
    ratios = [F.l1_loss(a, p) / ((n - a).abs().sum(dim=0).mean() + 1e-7) for a, p, n in levels]
    return torch.stack(
        [w * ratio.clamp(max=cap / len(negatives[0])) for w, ratio in zip(weights, ratios, strict=True)]
    ).sum()


class History(nn.Module):
    """An average of the student's earlier weights, updated from time to time.

    Args:
        student: The network to follow.
        keep: Share of its weights that it keeps in an update.
        period: Share of the steps between updates, at first.
    """

    def __init__(self, student: srbench.Network, *, keep: float = HISTORY_KEEP, period: float = HISTORY_PERIOD) -> None:
        super().__init__()
        self.spec, self.keep, self.period = student.spec, keep, period
        self.module = copy.deepcopy(student.module).eval().requires_grad_(requires_grad=False)

    @torch.no_grad()
    def forward(self, lr: Tensor, scale: int) -> Tensor:
        """Return the output of the earlier student for lr."""
        return srbench.Network(self.spec, self.module)(lr, scale)

    @torch.no_grad()
    def follow(self, module: nn.Module, batch: srbench.Batch) -> None:
        """Move towards a network's weights if an update is due."""
        slower = 1 + int(batch.step / max(batch.steps, 1) / PERIOD_GROWTH)
        if (batch.step + 1) % max(1, round(self.period * slower * batch.steps)) == 0:
            move(self.module, module, self.keep)


def noisy(lr: Tensor, generator: Generator) -> Tensor:
    """Add Gaussian noise to lr (N, C, h, w), of random strength for each image, and grey for half of them."""
    count, colours, *size = lr.shape
    strength = torch.empty(count, 1, 1, 1).uniform_(*NOISE_RANGE, generator=generator)
    grey = torch.rand(count, 1, 1, 1, generator=generator) < GREY_SHARE
    noise = torch.randn(count, colours, *size, generator=generator)
    noise = strength * torch.where(grey, noise[:, :1], noise)
    return (lr + noise.to(lr)).clamp(0, 1)


@torch.no_grad()
def negatives_of(history: History, encode: Encoder, batch: srbench.Batch, count: int = NOISY_NEGATIVES) -> list[Tensor]:
    """Encode the history's outputs for ``count`` noisy copies of lr and for lr itself: (K, N, C, h, w) a level."""
    inputs = [noisy(batch.lr, batch.generator) for _ in range(count)]
    features = [encode(history(lr, batch.scale)) for lr in (*inputs, batch.lr)]
    return [torch.stack(levels) for levels in zip(*features, strict=True)]


def move(module: nn.Module, towards: nn.Module, keep: float) -> None:
    """Move a network's weights towards another's, keeping a share of their values; copy the buffers."""
    with torch.no_grad():
        for weight, target in zip(module.parameters(), towards.parameters(), strict=True):
            weight.lerp_(target, 1 - keep)
        for buffer, current in zip(module.buffers(), towards.buffers(), strict=True):
            buffer.copy_(current)


class SPN(srbench.Distiller):
    """Adds ``contrast`` between the ground truth and the student's history.

    Args:
        setup: The training setup.
        weight: Weight of ``contrast``.
        encoder: Makes the frozen encoder.
        noisy: Number of negatives from noisy lr; one more comes from lr itself.
        cap: See `contrast`.
        keep: See `History`.
        period: See `History`.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        weight: float = CONTRAST_WEIGHT,
        encoder: MakeEncoder = untrained,
        noisy: int = NOISY_NEGATIVES,
        cap: float = RATIO_CAP,
        keep: float = HISTORY_KEEP,
        period: float = HISTORY_PERIOD,
    ) -> None:
        super().__init__(setup)
        self.encode, self.weight, self.noisy, self.cap = encoder(setup.device), weight, noisy, cap
        self.history = History(setup.student, keep=keep, period=period)
        self.notes = (f"The encoder is {self.encode.name}.",)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``contrast``."""
        sr = self.setup.student(batch.lr, batch.scale)
        with torch.no_grad():
            positives = self.encode(batch.hr)
        negatives = negatives_of(self.history, self.encode, batch, self.noisy)
        distance = contrast(self.encode(sr), positives, negatives, cap=self.cap)
        return {**self.setup.supervised(sr, batch.hr), "contrast": self.weight * distance}

    def after_step(self, batch: srbench.Batch) -> None:
        """Update the history."""
        self.history.follow(self.setup.student.module, batch)


def _spec(name: str, label: str, notes: str, **options: Any) -> srbench.DistillerSpec:  # noqa: ANN401 - SPN's
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(SPN, **options),
        needs_teacher=False,
        reconstruction=True,
        license="unknown",
        paper=srbench.Paper(
            title="Learning from History: Task-agnostic Model Contrastive Learning for Image Restoration",
            venue="AAAI",
            year=2024,
            url="https://arxiv.org/abs/2309.06023",
        ),
        notes=f"{notes} Without a teacher: the control of dckd, which has the same negatives.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide variants that differ in the encoder."""
    return [
        _spec("spn", "SPN", "The encoder is an untrained network, the same on every machine."),
        _spec("spn_alex", "SPN (AlexNet)", "The encoder is ImageNet's AlexNet.", encoder=alexnet),
        _spec("spn_vgg", "SPN (VGG-16)", "The encoder is ImageNet's VGG-16.", encoder=vgg16),
    ]
