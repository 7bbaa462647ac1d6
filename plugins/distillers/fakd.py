"""FAKD: the student learns the relations between the teacher's features (He et al., ICIP 2020).

``(1 - a) * L1(S, HR) + a * L1(S, T) + w * sum over taps of mean |A_S - A_T|`` with a = 0.5 and w = 10, where A are
affinities between pixels. The first term is the recipe's own losses. The release also has affinities between channels
(``fakd_ca``), between the images of a batch (``fakd_ia``) and between max-pooled pixels (``fakd_psa``), and, for
comparison, FSP matrices, attention maps and plain features.

The release chose its weight for images in [0, 255]: divided by 255, its loss is this one on [0, 1], with w = 10 / 255.
FSP matrices and plain features grow with the range of the images, and the release does not give their weights; with
w = 10 they outweigh every other term.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench.distilling.affinity import affinity_distance
from srbench.distilling.features import match_taps, to_smaller

TEACHER_SHARE = 0.5
"""a: the share of the teacher's output against the recipe's losses."""
AFFINITY_WEIGHT = 10 / 255
"""w, for images in [0, 1]."""
FSP_WEIGHT = 1.0
FEATURE_WEIGHT = 0.1
"""Our choice, as for FSP: the term is then as large as that of affinities after some hundred steps of a small EDSR."""

Relation = Callable[[Sequence[tuple[Tensor, Tensor]]], Tensor]
"""Takes pairs of features, (N, C, h, w) each, and returns one number."""


def spatial_affinity(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """SA, the paper's affinity: cosines between the features of every two pixels; widths may differ."""
    return torch.stack([affinity_distance(student, teacher) for student, teacher in pairs]).sum()


def pooled_spatial_affinity(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """PSA: spatial affinity between the maxima of 2 x 2 pixels."""
    pool = partial(F.max_pool2d, kernel_size=2, ceil_mode=True)
    return spatial_affinity([(pool(student), pool(teacher)) for student, teacher in pairs])


def channel_affinity(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """CA: cosines between the maps of every two channels, (N, C, C); widths must be equal."""

    def affinity(features: Tensor) -> Tensor:
        maps = features.flatten(2)
        norms: Tensor = torch.linalg.vector_norm(maps, dim=2, keepdim=True) + 1e-8
        return (maps / norms) @ (maps / norms).mT

    return _summed_l1(affinity, pairs)


def image_affinity(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """IA: products of the features of every two images of a batch, rows of unit norm; widths may differ."""

    def affinity(features: Tensor) -> Tensor:
        images = features.flatten(1)
        return F.normalize(images @ images.T, dim=1)

    return _summed_l1(affinity, pairs)


def solution_flow(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """FSP: products of each tap's channels with the next tap's, (N, C, C') over h * w pixels (Yim et al., CVPR 2017).

    Taps of different sizes are pooled to the smaller.

    Raises:
        TrainingError: There is only one tap.
    """
    if len(pairs) < 2:
        raise srbench.TrainingError("FSP compares each tap with the next, and got only one; pass two pairs or more.")
    student, teacher = zip(*pairs, strict=True)
    return torch.stack([F.l1_loss(a, b) for a, b in zip(_flow(student), _flow(teacher), strict=True)]).sum()


def attention_maps(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """AT in the release's form: sums of squares over channels, divided by their norm plus 1e-6, compared by L1."""

    def attention(features: Tensor) -> Tensor:
        energy = features.square().sum(dim=1).flatten(1)
        norm: Tensor = torch.linalg.vector_norm(energy, dim=1, keepdim=True) + 1e-6
        return energy / norm

    return _summed_l1(attention, pairs)


def plain_features(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """FitNet in the release's form: L1 between the features; widths must be equal."""
    return _summed_l1(lambda features: features, pairs)


def _summed_l1(map_of: Callable[[Tensor], Tensor], pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    return torch.stack([F.l1_loss(map_of(student), map_of(teacher)) for student, teacher in pairs]).sum()


def _flow(taps: Sequence[Tensor]) -> list[Tensor]:
    pairs = (to_smaller(*pair) for pair in pairwise(taps))
    return [one.flatten(2) @ other.flatten(2).mT / one.shape[-2:].numel() for one, other in pairs]


class FAKD(srbench.Distiller):
    """Adds ``logits``, the L1 distance to the teacher's output, and ``relation``, the distance of feature relations.

    Args:
        setup: The training setup.
        relation: Computes the distance between the relations of two lists of features.
        weight: Weight of ``relation``, for images and features in units of [0, 1].
        adapt: Whether the student's features must have the teacher's width; see `srbench.FeaturePairs`.
        teacher_share: Share of the teacher's output against the recipe's losses, in [0, 1].
        pairs: Taps to compare; default: those that the specs declare.
        after_skip: Whether the last pair is the input of the modules named ``tail``. So it is in the release, whose
            list of features holds a reference to the last one when the long skip adds to it in place.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        relation: Relation = spatial_affinity,
        weight: float = AFFINITY_WEIGHT,
        adapt: bool = False,
        teacher_share: float = TEACHER_SHARE,
        pairs: Sequence[tuple[str, str]] | None = None,
        after_skip: bool = False,
    ) -> None:
        super().__init__(setup)
        if after_skip:
            pairs = pairs or match_taps(setup.student.spec.taps, setup.teacher.spec.taps)
            pairs = (*pairs[:-1], ("tail:input", "tail:input"))
        self.features = srbench.FeaturePairs(setup, pairs, adapt=adapt)
        self.relation, self.weight, self.teacher_share = relation, weight, teacher_share

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms, ``logits`` and ``relation``."""
        sr, student_features = self.features.of_student(batch.lr, batch.scale)
        target, teacher_features = self.features.of_teacher(batch.lr, batch.scale)
        supervised = self.setup.supervised(sr, batch.hr)
        return {
            **{name: (1 - self.teacher_share) * term for name, term in supervised.items()},
            "logits": self.teacher_share * F.l1_loss(sr, target),
            "relation": self.weight * self.relation(self.features.matched(student_features, teacher_features)),
        }


PAPER = srbench.Paper(
    title="FAKD: Feature-Affinity Based Knowledge Distillation for Efficient Image Super-Resolution",
    venue="ICIP",
    year=2020,
    url="https://github.com/Vincent-Hoo/Knowledge-Distillation-for-Super-resolution",
)
NOTES = (
    "The release's loss, with weights 0.5, 0.5 and 10 on images in [0, 255], converted to [0, 1]. Taps are those that "
    "the architectures declare: in RCAN the paper's; in EDSR the end of each third of the blocks, while the paper's "
    "last tap is the convolution after them."
)


def _spec(name: str, label: str, notes: str, build: Callable[[srbench.Setup], FAKD]) -> srbench.DistillerSpec:
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=build,
        paper=PAPER,
        license="unknown (no licence file)",
        form="official" if name.endswith("_official") else "corrected",
        notes=f"{notes} {NOTES}",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide the paper's method, its variants, and the methods that its release compares with."""
    return [
        _spec("fakd", "FAKD", "Affinities between pixels, at taps before the long skip.", FAKD),
        _spec(
            "fakd_official",
            "FAKD (official)",
            "As in the release's code, where an in-place sum moves the last tap behind the long skip. For networks "
            "whose last part is named tail, such as EDSR and RCAN.",
            partial(FAKD, after_skip=True),
        ),
        _spec(
            "fakd_psa",
            "FAKD-PSA",
            "Affinities between max-pooled pixels.",
            partial(FAKD, relation=pooled_spatial_affinity),
        ),
        _spec(
            "fakd_ca",
            "FAKD-CA",
            "Affinities between channels; where widths differ, a 1x1 convolution, which the release does not have.",
            partial(FAKD, relation=channel_affinity, adapt=True),
        ),
        _spec(
            "fakd_ia", "FAKD-IA", "Affinities between the images of a batch.", partial(FAKD, relation=image_affinity)
        ),
        _spec(
            "fakd_fsp",
            "FSP (FAKD)",
            "Products of neighbouring taps, with our weight of 1; where widths differ, a 1x1 convolution, which the "
            "release does not have.",
            partial(FAKD, relation=solution_flow, weight=FSP_WEIGHT, adapt=True),
        ),
        _spec("fakd_at", "AT (FAKD)", "Attention maps compared by L1.", partial(FAKD, relation=attention_maps)),
        _spec(
            "fakd_fitnet",
            "FitNet (FAKD)",
            "The features themselves, with our weight of 0.1; where widths differ, a 1x1 convolution, without which "
            "the release fails.",
            partial(FAKD, relation=plain_features, weight=FEATURE_WEIGHT, adapt=True),
        ),
    ]
