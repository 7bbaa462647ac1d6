"""SPN: a contrastive loss whose negatives are the student's own earlier outputs (Wu et al., AAAI 2024).

``L(S, hr) + w * sum over levels of w_i |e_i(S) - e_i(hr)| / sum over k of |e_i(S) - e_i(H_k)|``: a frozen encoder e
sees the student's image, the truth and images H of an average of the student's own past. No teacher takes part, which
makes it the control of DCKD, which differs in the positive. The form is CSD's; that the paper has the same form, its
weight and how the past follows are our reading.

What the past makes of the same lr is hardly another image than the student's, and much less so than the truth. Away
from it alone the ratio drowns all else: in a small EDSR after 250 steps its gradient was 300 times that of the L1 loss,
and against it (cosine -0.76). So there are four images of noisy lr besides, as in DCKD, with which it is 0.6 times that
of the L1 loss; ``partial(SPN, noisy=0)`` is the other.

A ratio also rewards the wrong thing where the truth is far. With a the distance to it and b the sum of those to K
images of the past, a step d away from all of them changes a / b by ``(b - K a) d / b²``: it falls once a is more than
b / K. A student further from the truth than from its past gains by leaving both, the more so the longer it goes on;
short trainings, in which the past lies near and the truth far, ended 7 to 13 dB below plain ones. So a level gives no
gradient as long as the truth is further than the past is on average; what is left never pushes harder than it pulls.

The papers' encoders are VGG19 and VQGAN. The weights of neither come with srbench, so the encoder is a part that can be
changed: by default an untrained one, the same on every machine; one trained on ImageNet where its weights are there
(``spn_alex``, ``spn_vgg``); or whatever ``partial(SPN, encoder=…)`` is given.
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
CAP = 1.0
"""Limit of each level's ratio to the mean distance from the past, our choice: beyond it, leaving both pays."""
NOISY = 4
"""Negatives of noisy lr; one more is of lr as it is."""
NOISE = (1 / 255, 30 / 255)
"""Least and greatest standard deviation of the noise."""
GREY = 0.5
"""Share of the images whose noise has no colour."""
KEEP = 0.1
"""Share of H that stays when it moves on to the student."""
PERIOD = 1 / 10
"""Share of the steps after which H moves on, our choice: in short trainings a closer past is the student itself.
DCKD's release has 1 / 250 at first, which of its 250,000 steps are 1,000."""
SLOWER_EVERY = 0.4
"""Share of the steps after which the period grows by itself once more; in the same release 100,000."""


def contrast(
    anchors: Sequence[Tensor],
    positives: Sequence[Tensor],
    negatives: Sequence[Tensor],
    weights: Sequence[float] = LEVEL_WEIGHTS,
    cap: float = math.inf,
) -> Tensor:
    """How near what it should be, by how far from what it should not: CSD's ratio with negatives of each image's own.

    Args:
        anchors: Of each level, (N, C, h, w).
        positives: The same.
        negatives: Of each level, (K, N, C, h, w); distances to the K are added up.
        weights: One for each level.
        cap: Where the positive is further than this, in units of the mean distance to the negatives, a level counts
            as if it were at it, and gives no gradient.
    """
    levels = zip(anchors, positives, negatives, strict=True)
    ratios = [F.l1_loss(a, p) / ((n - a).abs().sum(dim=0).mean() + 1e-7) for a, p, n in levels]
    return torch.stack(
        [w * ratio.clamp(max=cap / len(negatives[0])) for w, ratio in zip(weights, ratios, strict=True)]
    ).sum()


class History(nn.Module):
    """An average of the student's past, which moves on every now and then.

    Args:
        student: The network whose past it is.
        keep: Share of itself that stays when it moves on.
        period: Share of the steps after which it does so, at first.
    """

    def __init__(self, student: srbench.Network, *, keep: float = KEEP, period: float = PERIOD) -> None:
        super().__init__()
        self.spec, self.keep, self.period = student.spec, keep, period
        self.module = copy.deepcopy(student.module).eval().requires_grad_(requires_grad=False)

    @torch.no_grad()
    def forward(self, lr: Tensor, scale: int) -> Tensor:
        """What the student made of lr then."""
        return srbench.Network(self.spec, self.module)(lr, scale)

    @torch.no_grad()
    def follow(self, module: nn.Module, batch: srbench.Batch) -> None:
        """Move on to a network's weights, if it is time."""
        slower = 1 + int(batch.step / max(batch.steps, 1) / SLOWER_EVERY)
        if (batch.step + 1) % max(1, round(self.period * slower * batch.steps)) == 0:
            move(self.module, module, self.keep)


def noisy(lr: Tensor, generator: Generator) -> Tensor:
    """Add Gaussian noise to lr (N, C, h, w), of a strength of each image's own and for half of them without colour."""
    count, colours, *size = lr.shape
    strength = torch.empty(count, 1, 1, 1).uniform_(*NOISE, generator=generator)
    grey = torch.rand(count, 1, 1, 1, generator=generator) < GREY
    noise = torch.randn(count, colours, *size, generator=generator)
    noise = strength * torch.where(grey, noise[:, :1], noise)
    return (lr + noise.to(lr)).clamp(0, 1)


@torch.no_grad()
def negatives_of(history: History, encode: Encoder, batch: srbench.Batch, count: int = NOISY) -> list[Tensor]:
    """What the encoder sees of the past's images of noisy lr, ``count`` times, and of lr: (K, N, C, h, w) a level."""
    inputs = [noisy(batch.lr, batch.generator) for _ in range(count)]
    seen = [encode(history(lr, batch.scale)) for lr in (*inputs, batch.lr)]
    return [torch.stack(levels) for levels in zip(*seen, strict=True)]


def move(module: nn.Module, towards: nn.Module, keep: float) -> None:
    """Bring a network's weights nearer to another's, keeping a share of what they are; buffers are copied."""
    with torch.no_grad():
        for weight, target in zip(module.parameters(), towards.parameters(), strict=True):
            weight.lerp_(target, 1 - keep)
        for buffer, current in zip(module.buffers(), towards.buffers(), strict=True):
            buffer.copy_(current)


class SPN(srbench.Distiller):
    """Adds ``contrast`` between the truth and the student's own past.

    Args:
        setup: The training's.
        weight: Of it.
        encoder: What sees the images.
        noisy: Negatives of noisy lr, besides one of lr as it is.
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
        noisy: int = NOISY,
        cap: float = CAP,
        keep: float = KEEP,
        period: float = PERIOD,
    ) -> None:
        super().__init__(setup)
        self.encode, self.weight, self.noisy, self.cap = encoder(setup.device), weight, noisy, cap
        self.history = History(setup.student, keep=keep, period=period)
        self.notes = (f"Images are seen by {self.encode.name}.",)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``contrast``."""
        sr = self.setup.student(batch.lr, batch.scale)
        with torch.no_grad():
            positives = self.encode(batch.hr)
        negatives = negatives_of(self.history, self.encode, batch, self.noisy)
        distance = contrast(self.encode(sr), positives, negatives, cap=self.cap)
        return {**self.setup.supervised(sr, batch.hr), "contrast": self.weight * distance}

    def after_step(self, batch: srbench.Batch) -> None:
        """The past moves on."""
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
        notes=f"{notes} Without a teacher: the control of dckd, whose negatives it has.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Variants differ in the encoder."""
    return [
        _spec("spn", "SPN", "Images are seen by an untrained network, the same on every machine."),
        _spec("spn_alex", "SPN (AlexNet)", "Images are seen by ImageNet's AlexNet.", encoder=alexnet),
        _spec("spn_vgg", "SPN (VGG-16)", "Images are seen by ImageNet's VGG-16.", encoder=vgg16),
    ]
