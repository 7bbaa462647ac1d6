"""FACD: features close to the teacher's of the same patch, far from those of others (Moon et al., IEEE Access 2023).

A reconstruction from the paper's abstract and the figure of its repository. They describe a contrastive loss on the
features of three taps. The positive is the teacher's features of the patch, the negatives are the teacher's features of
other patches, and a module matches the dimensions of the student's features. Distillation is *adaptive*: it depends on
the training patches. We read this as

``L(S, HR) + a * <L1(S, T)> + w * sum over taps of <contrast(F_S, F_T)>``

where <> averages over the patches on which the teacher is better than the student, and the negatives are the other
patches of the batch. `Options` has the choices that the abstract leaves open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import full_precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The choices of this reconstruction.

    Raises:
        TrainingError: A value is outside its range.
    """

    form: Literal["ratio", "infonce"] = "ratio"
    """`distance_ratio`, as in CSD, or `info_nce`; the figure names two distances."""
    temperature: float = 0.1
    """Temperature of the softmax, for ``infonce``."""
    adaptive: bool = True
    """Whether to imitate the teacher only on the patches where it is better than the student."""
    feature_weight: float = 0.1
    """w: about 20% of the gradient of L1 in a small EDSR after some hundred steps; infonce takes a fifth of it."""
    output_weight: float = 1.0
    """a: weight of the distance to the teacher's output."""

    def __post_init__(self) -> None:
        if self.form not in ("ratio", "infonce") or not self.temperature > 0:
            raise srbench.TrainingError(
                f"FACD got form={self.form!r} and temperature={self.temperature}; choose the form ratio or infonce, "
                "and a temperature above 0."
            )

    @property
    def contrast(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The function of the chosen form, from the features of student and teacher to one number a patch."""
        return distance_ratio if self.form == "ratio" else partial(info_nce, temperature=self.temperature)


def distance_ratio(student: Tensor, teacher: Tensor) -> Tensor:
    """Divide the distance to the positive by the distance to the negatives.

    ``mean |S_i - T_i| / (sum over k != i of mean |S_i - T_k| + 1e-7)``

    Args:
        student: Features (N, C, h, w).
        teacher: Features of the same shape.

    Returns:
        (N,)
    """
    with full_precision(student):
        student_vectors, teacher_vectors = (_vectors(features) for features in (student, teacher))
        distances = torch.cdist(student_vectors, teacher_vectors, p=1)  # holds nothing larger than a feature
        distances = distances / student_vectors.shape[1]
        positive = distances.diagonal()
        return positive / (distances.sum(dim=1) - positive + 1e-7)


def info_nce(student: Tensor, teacher: Tensor, temperature: float = 0.1) -> Tensor:
    """InfoNCE: ``-log softmax over k of cos(S_i, T_k) / temperature`` at k = i, the positive.

    Args:
        student: Features (N, C, h, w).
        teacher: Features of the same shape.
        temperature: Temperature of the softmax.

    Returns:
        (N,)
    """
    with full_precision(student):
        student_vectors, teacher_vectors = (F.normalize(_vectors(features)) for features in (student, teacher))
        cosines = student_vectors @ teacher_vectors.T / temperature
        return F.cross_entropy(cosines, torch.arange(len(cosines)).to(cosines.device), reduction="none")


def _vectors(features: Tensor) -> Tensor:
    return features.to(torch.promote_types(features.dtype, torch.float32)).flatten(1)


def teacher_better(sr: Tensor, target: Tensor, hr: Tensor) -> Tensor:
    """Mark the patches on which the teacher is better: 1 where ``L1(T, HR) < L1(S, HR)``, 0 elsewhere.

    Args:
        sr: The student's output (N, C, h, w).
        target: The teacher's output.
        hr: The ground truth.

    Returns:
        (N,), without gradient.
    """
    teacher_error, student_error = (_error(each, hr) for each in (target, sr.detach()))
    return (teacher_error < student_error).to(student_error.dtype)


def _error(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).abs().mean(dim=(1, 2, 3))


class FACD(srbench.Distiller):
    """Adds ``logits``, the L1 distance to the teacher's output, and ``contrast``, the contrastive loss on features.

    ``followed``, the share of patches on which the teacher is imitated, is logged too.

    Args:
        setup: The training setup.
        options: The choices of the reconstruction.
        pairs: Taps to compare; default: those that the specs declare.

    Raises:
        TrainingError: The recipe has one patch a step, which leaves no negatives.
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
        self.followed = torch.zeros(())

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms, ``logits`` and ``contrast``."""
        if len(batch.lr) < 2:
            raise srbench.TrainingError(
                "FACD contrasts the patches of a batch, and the batch has only one; set the recipe's batch to 2 or "
                "more."
            )
        sr, student_features = self.features.of_student(batch.lr, batch.scale)
        target, teacher_features = self.features.of_teacher(batch.lr, batch.scale)
        chosen = self.options
        mask = teacher_better(sr, target, batch.hr) if chosen.adaptive else sr.new_ones(len(sr))
        self.followed = mask.mean()
        pairs = self.features.matched(student_features, teacher_features)
        contrasts = torch.stack([chosen.contrast(*pair) for pair in pairs]).sum(dim=0)
        return {
            **self.setup.supervised(sr, batch.hr),
            "logits": chosen.output_weight * srbench.weighted_mean(_error(sr, target), mask),
            "contrast": chosen.feature_weight * srbench.weighted_mean(contrasts, mask),
        }

    def step(
        self,
        batch: srbench.Batch,
        optimisers: Mapping[str, srbench.Optimiser],
        next_batch: Callable[[], srbench.Batch],
    ) -> Mapping[str, Tensor]:
        """Take one step, and log ``followed`` too."""
        return {**super().step(batch, optimisers, next_batch), "followed": self.followed}


PAPER = srbench.Paper(
    title="Feature-Domain Adaptive Contrastive Distillation for Efficient Single Image Super-Resolution",
    venue="IEEE Access",
    year=2023,
    url="https://arxiv.org/abs/2211.15951",
)


_READING = partial(srbench.DistillerSpec, paper=PAPER, license="no release", reconstruction=True)
_OURS = (
    "Reconstructed from the abstract and a figure, without code; the contrast, the condition and the weights are ours."
)


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide our reading, with two forms of the contrast."""
    return [
        _READING(name="facd", label="FACD", build=FACD, notes=f"The contrast is a ratio of distances. {_OURS}"),
        _READING(
            name="facd_infonce",
            label="FACD (InfoNCE)",
            build=partial(FACD, options=Options(form="infonce", feature_weight=0.02)),
            notes=f"The contrast is InfoNCE on cosines. {_OURS}",
        ),
    ]
