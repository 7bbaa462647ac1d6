"""PISR: train a teacher that sees hr, then a student that imitates its features (Lee et al., ECCV 2020).

The *privileged* teacher has an encoder, which turns hr into an image of lr's size, and a decoder, a network like the
student. It is trained first, with ``L(D(E(hr)), hr) + 1e-4 * L1(E(hr), lr)``. The student starts from the decoder and
is trained on lr, with ``L(S, hr) + 1e-6 * VID``. VID is the negative log-likelihood of the teacher's features, whose
mean and spread two heads predict from the student's features, for each element (variational information distillation,
Ahn et al., CVPR 2019). ``L`` are the recipe's own losses.

The paper applies it to FSRCNN on luma, on the features before the deconvolution. The method does not depend on that
network: here the decoder has the student's architecture and colours, and the features are those of its last tap.
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

CODE_WEIGHT = 1e-4
"""Weight of the code's distance to lr."""
VID_WEIGHT = 1e-6
"""Weight of VID, for images in [0, 1]."""
ENCODER_WIDTH, ENCODER_NARROW = 56, 12
"""Channels of the encoder, as in FSRCNN."""

Density = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Returns the negative log-likelihood from mean, raw spread and features, all (N, C, h, w)."""


def vid_laplace(mean: Tensor, spread: Tensor, features: Tensor) -> Tensor:
    """Negative log-likelihood under Laplace densities, ``ln 2b + |F - m| / b`` with ``b = 0.1 * spread + 1e-8``.

    As in the release, ``C * ln(2 pi) / 2`` for C channels is added, the constant of Gaussian densities.

    Args:
        mean: (N, C, h, w).
        spread: Raw spreads of the same shape, positive.
        features: The teacher's features.

    Returns:
        The mean over all elements.
    """
    with full_precision(mean):
        mean, spread, features = _at_least_single(mean, spread, features)
        scale = 0.1 * spread + 1e-8
        return _constant(mean) + ((2 * scale).log() + (features - mean).abs() / scale).mean()


def vid_gaussian(mean: Tensor, spread: Tensor, features: Tensor) -> Tensor:
    """Negative log-likelihood under Gaussians, ``(ln v + (F - m)² / v) / 2`` with ``v = 0.001 * spread + 1e-8``.

    Args:
        mean: (N, C, h, w).
        spread: Raw spreads of the same shape, positive.
        features: The teacher's features.

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
    """Turns hr (N, C, scale*h, scale*w) into an image of lr's size, (N, C, h, w).

    Args:
        colours: Channels C of the images.
        scale: Stride of the second layer.
    """

    def __init__(self, colours: int, scale: int) -> None:
        super().__init__(
            nn.Conv2d(colours, ENCODER_WIDTH, 5, padding=2),
            nn.PReLU(),
            nn.Conv2d(ENCODER_WIDTH, ENCODER_WIDTH, 5, stride=scale, padding=2),
            nn.PReLU(),
            nn.Conv2d(ENCODER_WIDTH, ENCODER_NARROW, 3, padding=1),
            nn.PReLU(),
            nn.Conv2d(ENCODER_NARROW, colours, 3, padding=1),
        )


def head(student: int, teacher: int) -> nn.Sequential:
    """Build a head that maps features of ``student`` channels to means, or raw spreads, of ``teacher`` channels."""
    return nn.Sequential(nn.Conv2d(student, student, 1), nn.PReLU(), nn.Conv2d(student, teacher, 1))


class PISR(srbench.Distiller):
    """Trains the student's network as the decoder first; then freezes a copy of it, and trains the student.

    The terms are the recipe's, with ``imitation`` in the first phase and ``distillation`` in the second.

    Args:
        setup: The training setup; no teacher is needed.
        density: Distribution that is assumed for the teacher's features.
        imitation: Weight of the code's distance to lr.
        distillation: Weight of VID, for images and features in units of [0, 1].
        pairs: Taps of student and decoder to compare; default: the last one that the spec declares.
        share: Share of the steps that train the teacher; half, as in the release.
    """

    distilling: Tensor

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        density: Density = vid_laplace,
        imitation: float = CODE_WEIGHT,
        distillation: float = VID_WEIGHT,
        pairs: Sequence[tuple[str, str]] | None = None,
        share: float = 0.5,
    ) -> None:
        super().__init__(setup)
        student = setup.student
        whole = map(srbench.whole_scale, setup.scales)
        self.encoders = nn.ModuleDict({str(scale): Encoder(student.colours, scale) for scale in whole})
        self.decoder = copy.deepcopy(student.module).eval().requires_grad_(requires_grad=False)
        last = tuple((tap, tap) for tap in student.spec.taps[-1:])
        teacher = srbench.Network(student.spec, self.decoder)
        self.features = srbench.FeaturePairs(setup, pairs or last, adapt=False, teacher=teacher)
        self.means = nn.ModuleList(head(*widths) for widths in self.features.widths)
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
        likelihoods = [
            self.density(mean(student), spread(student), teacher)
            for mean, spread, (student, teacher) in zip(self.means, self.spreads, pairs, strict=True)
        ]
        return {
            **self.setup.supervised(sr, batch.hr),
            "distillation": self.distillation * torch.stack(likelihoods).sum(),
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
        notes=f"{notes} It trains its own teacher in the first half of the steps; the student starts from it and has "
        "the second half. The paper uses only FSRCNN on luma; other networks are our extension, and the width of the "
        "encoder's second layer is our choice.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide variants with two distributions of the teacher's features."""
    return [
        _spec("pisr", "PISR", vid_laplace, "A Laplace distribution of the teacher's features is assumed."),
        _spec("pisr_gaussian", "PISR (Gaussian)", vid_gaussian, "A Gaussian distribution of them is assumed."),
    ]
