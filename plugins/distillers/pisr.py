"""PISR: a teacher that sees the truth, taught first, and a student that follows its features (Lee et al., ECCV 2020).

The *privileged* teacher is an encoder, which makes of hr an image of lr's size, and a decoder, a network like the
student. It is trained first, ``L(D(E(hr)), hr) + 1e-4 * L1(E(hr), lr)``. The student starts from the decoder and
learns from lr, ``L(S, hr) + 1e-6 * VID``, where VID says how unlikely the teacher's features are under the student's:
two heads of the student's features give their mean and their spread, each element's own (variational information
distillation, Ahn et al., CVPR 2019). ``L`` are the recipe's own losses.

The paper has it for FSRCNN on luma, on the features before the deconvolution. Nothing in it asks for that network:
here the decoder is whatever the student is, on its colours, and the features are those of its last tap.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import full_precision

IMITATION = 1e-4
"""Weight of the code's distance to lr."""
DISTILLATION = 1e-6
"""Weight of VID, for images in [0, 1]."""
WIDTH, NARROW = 56, 12
"""Channels of the encoder, those of FSRCNN."""

Density = Callable[[Tensor, Tensor, Tensor], Tensor]
"""How unlikely features are, from their mean, their raw spread and themselves, all (N, C, h, w); one number."""


def vid_laplace(mean: Tensor, spread: Tensor, features: Tensor) -> Tensor:
    """Negative log-likelihood under Laplace densities, ``ln 2b + |F - m| / b`` with ``b = 0.1 * spread + 1e-8``.

    As in the release, ``C * ln(2 pi) / 2`` for C channels is added, a constant that is that of Gaussian densities.

    Args:
        mean: (N, C, h, w).
        spread: The same, positive.
        features: The teacher's.

    Returns:
        The mean over all elements.
    """
    with full_precision(mean):
        mean, spread, features = _at_least_single(mean, spread, features)
        scale = 0.1 * spread + 1e-8
        return _constant(mean) + ((2 * scale).log() + (features - mean).abs() / scale).mean()


def vid_gaussian(mean: Tensor, spread: Tensor, features: Tensor) -> Tensor:
    """The same under Gaussian densities, ``(ln v + (F - m)² / v) / 2`` with the variance ``v = 0.001 * spread + 1e-8``.

    Args:
        mean: (N, C, h, w).
        spread: The same, positive.
        features: The teacher's.

    Returns:
        The mean over all elements.
    """
    with full_precision(mean):
        mean, spread, features = _at_least_single(mean, spread, features)
        variance = 0.001 * spread + 1e-8
        return _constant(mean) + (variance.log() + (features - mean).square() / variance).mean() / 2


def _at_least_single(*tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.to(torch.promote_types(tensor.dtype, torch.float32)) for tensor in tensors)


def _constant(mean: Tensor) -> float:
    return mean.shape[1] * math.log(2 * math.pi) / 2


class Encoder(nn.Sequential):
    """Makes of hr an image of lr's size, (N, C, scale*h, scale*w) to (N, C, h, w).

    Args:
        colours: C.
        scale: The stride of its second layer.
    """

    def __init__(self, colours: int, scale: int) -> None:
        super().__init__(
            nn.Conv2d(colours, WIDTH, 5, padding=2),
            nn.PReLU(),
            nn.Conv2d(WIDTH, WIDTH, 5, stride=scale, padding=2),
            nn.PReLU(),
            nn.Conv2d(WIDTH, NARROW, 3, padding=1),
            nn.PReLU(),
            nn.Conv2d(NARROW, colours, 3, padding=1),
        )


def head(channels: int, wanted: int) -> nn.Sequential:
    """What gives a density's mean, or with a softplus its spread: (N, channels, h, w) to (N, wanted, h, w)."""
    return nn.Sequential(nn.Conv2d(channels, channels, 1), nn.PReLU(), nn.Conv2d(channels, wanted, 1))


class PISR(srbench.Distiller):
    """In its first phase the student's network is the decoder; a copy of it is then frozen, and the student goes on.

    The terms are the recipe's and ``imitation`` in the first phase, ``distillation`` in the second.

    Args:
        setup: The training's; no teacher is needed.
        density: What is assumed of the teacher's features.
        imitation: Weight of the code's distance to lr.
        distillation: Weight of VID, for images and features in units of [0, 1].
        pairs: Which taps of the student and of the decoder to compare; the last that the spec declares if absent.
        share: Of the steps that go into the teacher; half as in the release.
    """

    distilling: Tensor

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        density: Density = vid_laplace,
        imitation: float = IMITATION,
        distillation: float = DISTILLATION,
        pairs: Sequence[tuple[str, str]] | None = None,
        share: float = 0.5,
    ) -> None:
        super().__init__(setup)
        student = setup.student
        self.encoders = nn.ModuleDict({str(scale): Encoder(student.colours, scale) for scale in setup.scales})
        self.decoder = copy.deepcopy(student.module).eval().requires_grad_(requires_grad=False)
        last = tuple((tap, tap) for tap in student.spec.taps[-1:])
        teacher = srbench.Network(student.spec, self.decoder)
        self.features = srbench.FeaturePairs(setup, pairs or last, adapt=False, teacher=teacher)
        self.means = nn.ModuleList(head(mine, theirs) for mine, theirs in self.features.widths)
        self.spreads = nn.ModuleList(nn.Sequential(head(*widths), nn.Softplus()) for widths in self.features.widths)
        self.density, self.imitation, self.distillation, self.share = density, imitation, distillation, share
        self.register_buffer("distilling", torch.tensor(data=False))

    def phases(self) -> Sequence[srbench.Phase]:
        """First the teacher, then the student."""
        module = self.setup.student.module
        return (
            srbench.Phase("teacher", self.share, {"main": [self.encoders, module]}, begin=self._begin_teacher),
            srbench.Phase(
                "student", 1 - self.share, {"main": [module, self.means, self.spreads]}, begin=self._begin_student
            ),
        )

    def _begin_teacher(self) -> None:
        self.distilling.fill_(value=False)

    def _begin_student(self) -> None:
        self.distilling.fill_(value=True)
        self.decoder.load_state_dict(self.setup.student.module.state_dict())
        self.encoders.eval().requires_grad_(requires_grad=False)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``imitation``, then the recipe's terms and ``distillation``."""
        encode = self.encoders[str(batch.scale)]
        if not self.distilling:
            code = encode(batch.hr)
            sr = self.setup.student(code, batch.scale)
            return {
                **self.setup.supervised(sr, batch.hr),
                "imitation": self.imitation * F.l1_loss(code, batch.lr),
            }
        with torch.no_grad():
            _, teacher_features = self.features.of_teacher(encode(batch.hr), batch.scale)
        sr, student_features = self.features.of_student(batch.lr, batch.scale)
        pairs = self.features.matched(student_features, teacher_features)
        unlikely = [
            self.density(mean(mine), spread(mine), theirs)
            for mean, spread, (mine, theirs) in zip(self.means, self.spreads, pairs, strict=True)
        ]
        return {
            **self.setup.supervised(sr, batch.hr),
            "distillation": self.distillation * torch.stack(unlikely).sum(),
        }


def _spec(name: str, label: str, density: Density, notes: str) -> srbench.DistillerSpec:
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(PISR, density=density),
        needs_teacher=False,
        license="unknown (no licence file)",
        paper=srbench.Paper(
            title="Learning with Privileged Information for Efficient Image Super-Resolution",
            venue="ECCV",
            year=2020,
            url="https://github.com/cvlab-yonsei/PISR",
        ),
        notes=f"{notes} It makes its teacher itself, in the first half of the steps, so that the student has the "
        "second half and the teacher's start. The paper has FSRCNN on luma alone; other networks are ours, and so is "
        "the width of the encoder's second layer.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """What is assumed of the teacher's features tells them apart."""
    return [
        _spec("pisr", "PISR", vid_laplace, "The teacher's features are taken for Laplace distributed."),
        _spec("pisr_gaussian", "PISR (Gaussian)", vid_gaussian, "They are taken for Gaussian distributed."),
    ]
