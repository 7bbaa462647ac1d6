"""LSFD: imitate the teacher's local features where the two networks differ most (Park and Kwak, 2021).

A reconstruction from the paper's abstract, which says: plain imitation of features "suffers" in super-resolution, so
the method uses *local* feature information, and a soft attention, made from the difference between teacher and student,
selects the pixels. We read this as

``L(S, HR) + a * L1(S, T) + w * sum over taps of mean over images and pixels of A * mean over channels |r(F_S) - F_T|``

where F is the local part of the features, r a 1x1 convolution if the widths differ, and A the softmax of the difference
over the pixels, of mean 1 and without gradient. `Options` has the choices that the abstract leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench.distilling.features import to_smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The choices of this reconstruction.

    Raises:
        TrainingError: A value is outside its range.
    """

    local: Literal["residual", "highpass", "raw"] = "residual"
    """The local part of a feature: the change since the previous tap, the difference to the mean around each pixel, or
    the whole feature."""
    window: int = 3
    """Side in pixels of that mean; odd."""
    attention: Literal["features", "output"] = "features"
    """Which difference selects the pixels: that of the compared features, or that of the outputs, pooled."""
    temperature: float = 1.0
    """Temperature of the softmax: a small one selects few pixels, infinity weighs all equally."""
    relative: bool = True
    """Whether the temperature is in units of the image's mean difference, which shrinks as the student learns, or in
    units of images in [0, 1]."""
    feature_weight: float = 0.1
    """w: about 10% of the gradient of L1 in a small EDSR after some hundred steps."""
    output_weight: float = 1.0
    """a: weight of the distance to the teacher's output."""

    def __post_init__(self) -> None:
        if self.local not in LOCAL or self.attention not in ("features", "output"):
            raise srbench.TrainingError(
                f"LSFD got local={self.local!r} and attention={self.attention!r}; choose residual, highpass or raw for "
                "local, and features or output for attention."
            )
        if self.window < 3 or self.window % 2 == 0 or not self.temperature > 0:
            raise srbench.TrainingError(
                f"LSFD got window={self.window} and temperature={self.temperature}; choose an odd window of at least "
                "3, and a temperature above 0."
            )


def residual(features: Sequence[Tensor], _window: int = 3) -> list[Tensor]:
    """Subtract the previous tap from each feature; the first feature stays unchanged.

    Args:
        features: (N, C, h, w) in order of depth, all of one shape.

    Raises:
        TrainingError: The shapes differ.
    """
    if len({each.shape for each in features}) > 1:
        shapes = ", ".join(str(tuple(each.shape)) for each in features)
        raise srbench.TrainingError(
            f"LSFD subtracts each feature from the next, and they have different shapes {shapes}; choose pairs of one "
            "shape, or lsfd_highpass."
        )
    return [features[0], *(after - before for before, after in pairwise(features))]


def highpass(features: Sequence[Tensor], window: int = 3) -> list[Tensor]:
    """Subtract from each pixel the mean over ``window`` x ``window`` pixels around it, fewer at the borders."""
    mean = partial(F.avg_pool2d, kernel_size=window, stride=1, padding=window // 2, count_include_pad=False)
    return [each - mean(each) for each in features]


def raw(features: Sequence[Tensor], _window: int = 3) -> list[Tensor]:
    """Return the features unchanged."""
    return list(features)


LOCAL = {"residual": residual, "highpass": highpass, "raw": raw}


def selective_attention(difference: Tensor, temperature: float = 1.0, *, relative: bool = True) -> Tensor:
    """Attention to the pixels where student and teacher differ most: ``h*w * softmax(difference / temperature)``.

    Args:
        difference: Difference between student and teacher (N, h, w), not negative.
        temperature: Temperature of the softmax.
        relative: Whether the temperature is in units of each image's mean difference.

    Returns:
        (N, h, w), of mean 1 in each image, without gradient.
    """
    found = difference.detach().flatten(1)
    found = found.to(torch.promote_types(found.dtype, torch.float32))
    if relative:
        found = found / found.mean(dim=1, keepdim=True).clamp_min(torch.finfo(found.dtype).tiny)
    attention = found.shape[1] * (found / temperature).softmax(dim=1)
    return attention.reshape(difference.shape)


def selective_distance(difference: Tensor, attention: Tensor) -> Tensor:
    """Mean over images and pixels of the difference (N, h, w), weighted by attention of the same shape and mean 1."""
    return (attention * difference).mean()


class LSFD(srbench.Distiller):
    """Adds ``logits``, the L1 distance to the teacher's output, and ``local``, the distance of local features.

    Args:
        setup: The training setup.
        options: The choices of the reconstruction.
        pairs: Taps to compare; default: those that the specs declare.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        options: Options = Options(),
        pairs: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__(setup)
        self.features = srbench.FeaturePairs(setup, pairs)
        self.options = options

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms, ``logits`` and ``local``."""
        chosen = self.options
        sr, student_features = self.features.of_student(batch.lr, batch.scale)
        target, teacher_features = self.features.of_teacher(batch.lr, batch.scale)
        # take the local part before the features are adapted: the adapter adds a bias, which is not local
        local = LOCAL[chosen.local]
        student, teacher = (local(features, chosen.window) for features in (student_features, teacher_features))
        output = (sr.detach() - target).abs().mean(dim=1)
        distances = [self._distance(*pair, output) for pair in self.features.matched(student, teacher)]
        return {
            **self.setup.supervised(sr, batch.hr),
            "logits": chosen.output_weight * F.l1_loss(sr, target),
            "local": chosen.feature_weight * torch.stack(distances).sum(),
        }

    def _distance(self, student: Tensor, teacher: Tensor, output: Tensor) -> Tensor:
        chosen = self.options
        difference = (student - teacher).abs().mean(dim=1)
        source = difference if chosen.attention == "features" else to_smaller(output[:, None], student)[0][:, 0]
        attention = selective_attention(source, chosen.temperature, relative=chosen.relative)
        return selective_distance(difference, attention)


PAPER = srbench.Paper(
    title="Local-Selective Feature Distillation for Single Image Super-Resolution",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2111.10988",
)


_READING = partial(srbench.DistillerSpec, paper=PAPER, license="no release", reconstruction=True)
_OURS = "Reconstructed from the abstract; the loss, taps, temperature and weights are ours."


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide our reading, with two definitions of local."""
    return [
        _READING(name="lsfd", label="LSFD", build=LSFD, notes=f"Local is what a network adds from tap to tap. {_OURS}"),
        _READING(
            name="lsfd_highpass",
            label="LSFD (high-pass)",
            build=partial(LSFD, options=Options(local="highpass", feature_weight=0.3)),
            notes=f"Local is what differs from the mean of 3 x 3 pixels. {_OURS}",
        ),
    ]
