"""LSFD: the student follows the teacher's local features where the two differ most (Park and Kwak, 2021).

A reconstruction. Of the paper, its abstract is what we know: plain imitation of features "suffers" in super-resolution,
so it looks at *local* feature information, and a soft attention, made of the difference between teacher and student,
selects the pixels. We read this as

``L(S, HR) + a * L1(S, T) + w * sum over taps of mean over images and pixels of A * mean over channels |r(F_S) - F_T|``

where F are features of which only what is local is left, r a 1x1 convolution where widths differ, and A the softmax of
the difference over the pixels, of mean 1 and without gradient. What the words leave open is in `Options`.
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
        TrainingError: A value that means nothing.
    """

    local: Literal["residual", "highpass", "raw"] = "residual"
    """What is local of a feature: what the network added since the tap before, the difference to the mean around each
    pixel, or all of it."""
    window: int = 3
    """Side in pixels of that mean; odd."""
    attention: Literal["features", "output"] = "features"
    """Whose difference selects the pixels: of the features compared, or of sr, pooled to their size."""
    temperature: float = 1.0
    """Of the softmax: small selects few pixels, infinity all alike."""
    relative: bool = True
    """Whether the temperature is in units of the image's mean difference, which shrinks as the student learns, or in
    units of images in [0, 1]."""
    feature_weight: float = 0.1
    """w: a gradient of some 10% of the L1's in a small EDSR after some hundred steps."""
    output_weight: float = 1.0
    """a."""

    def __post_init__(self) -> None:
        if self.local not in LOCAL or self.attention not in ("features", "output"):
            raise srbench.TrainingError(
                f"LSFD knows no local={self.local!r} with attention={self.attention!r}; take residual, highpass or "
                "raw, and features or output."
            )
        if self.window < 3 or self.window % 2 == 0 or not self.temperature > 0:
            raise srbench.TrainingError(
                f"LSFD has window={self.window} and temperature={self.temperature}; give it an odd window from 3 and a "
                "temperature above 0."
            )


def residual(features: Sequence[Tensor], _window: int = 3) -> list[Tensor]:
    """What a network added from tap to tap; the first feature stays what it is.

    Args:
        features: (N, C, h, w) in order of depth, all of one shape.

    Raises:
        TrainingError: They are not.
    """
    if len({each.shape for each in features}) > 1:
        shapes = ", ".join(str(tuple(each.shape)) for each in features)
        raise srbench.TrainingError(
            f"LSFD compares what a network adds from tap to tap, but its features have the shapes {shapes}; choose "
            "pairs of one shape, or lsfd_highpass."
        )
    return [features[0], *(after - before for before, after in pairwise(features))]


def highpass(features: Sequence[Tensor], window: int = 3) -> list[Tensor]:
    """Features less the mean over ``window`` x ``window`` pixels around each, fewer at the borders."""
    mean = partial(F.avg_pool2d, kernel_size=window, stride=1, padding=window // 2, count_include_pad=False)
    return [each - mean(each) for each in features]


def raw(features: Sequence[Tensor], _window: int = 3) -> list[Tensor]:
    """Features as they are."""
    return list(features)


LOCAL = {"residual": residual, "highpass": highpass, "raw": raw}


def selective_attention(difference: Tensor, temperature: float = 1.0, *, relative: bool = True) -> Tensor:
    """Where the student is farthest from the teacher: ``h*w * softmax(difference / temperature)`` over the pixels.

    Args:
        difference: (N, h, w), of what student and teacher have there; not negative.
        temperature: Of the softmax.
        relative: Whether it is in units of each image's mean difference.

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
    """Mean over images and pixels of the difference (N, h, w) under attention of that shape and of mean 1."""
    return (attention * difference).mean()


class LSFD(srbench.Distiller):
    """Adds ``logits``, the L1 distance to the teacher's output, and ``local``, that of the selected local features.

    Args:
        setup: The training's.
        options: The choices.
        pairs: Which taps to compare; those that the specs declare if absent.
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
        # what is local is taken of a network's own features, before they are adapted: a bias is not local
        local = LOCAL[chosen.local]
        mine, theirs = (local(features, chosen.window) for features in (student_features, teacher_features))
        output = (sr.detach() - target).abs().mean(dim=1)
        distances = [self._distance(*pair, output) for pair in self.features.matched(mine, theirs)]
        return {
            **self.setup.supervised(sr, batch.hr),
            "logits": chosen.output_weight * F.l1_loss(sr, target),
            "local": chosen.feature_weight * torch.stack(distances).sum(),
        }

    def _distance(self, mine: Tensor, theirs: Tensor, output: Tensor) -> Tensor:
        chosen = self.options
        difference = (mine - theirs).abs().mean(dim=1)
        source = difference if chosen.attention == "features" else to_smaller(output[:, None], mine)[0][:, 0]
        attention = selective_attention(source, chosen.temperature, relative=chosen.relative)
        return selective_distance(difference, attention)


PAPER = srbench.Paper(
    title="Local-Selective Feature Distillation for Single Image Super-Resolution",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2111.10988",
)


_READING = partial(srbench.DistillerSpec, paper=PAPER, license="no release", reconstruction=True)
_OURS = "From the abstract; the loss, taps, temperature and weights are ours."


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Our reading, and the other one of what is local."""
    return [
        _READING(name="lsfd", label="LSFD", build=LSFD, notes=f"Local is what a network adds from tap to tap. {_OURS}"),
        _READING(
            name="lsfd_highpass",
            label="LSFD (high-pass)",
            build=partial(LSFD, options=Options(local="highpass", feature_weight=0.3)),
            notes=f"Local is what differs from the mean of 3 x 3 pixels. {_OURS}",
        ),
    ]
