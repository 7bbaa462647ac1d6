"""A-SKD: attend where the teacher, which sees HR, attends (Shin et al., ECCV 2022).

``L(S, labels) + 5 * sum over attention maps of (1 - cosine(S's map, T's map))``, for the maps over channels and over
places of every block of CBAM, before the sigmoid. The paper's student and teacher are the same network and its student
sees LR enlarged to the size of HR. Here networks may differ: maps are paired by depth, a 1x1 convolution gives the
student's maps over channels the teacher's number, and the larger map over places is pooled to the smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from torch import Tensor

import srbench
from srbench.distilling.recognition.maps import cosine_distance
from srbench.distilling.recognition.teaching import attention_pairs, hinton_terms, recognisers

ATTENTION_WEIGHT = 5.0
"""Weight of every map's distance (equation 9)."""


class AttentionSimilarity(srbench.Distiller):
    """Adds ``attention``, the distance between attention maps.

    Args:
        setup: The training setup.
        weight: Weight of ``attention``.
        logits: Whether to imitate the teacher's probabilities too, as ``kd`` does.
        pairs: Paths of attention maps to compare; default: those that the specs declare.

    Raises:
        TrainingError: A network declares no attention.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        weight: float = ATTENTION_WEIGHT,
        logits: bool = False,
        pairs: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__(setup)
        _, self.teacher = recognisers(setup)
        self.maps = srbench.FeaturePairs(setup, pairs or attention_pairs(setup))
        self.weight, self.logits = weight, logits

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``attention``, and ``divergence`` if the teacher's probabilities are imitated."""
        embeddings, student_maps = self.maps.of_student(batch.lr, batch.scale)
        teacher_embeddings, teacher_maps = self.maps.of_teacher(batch.for_teacher, batch.scale)
        distance = cosine_distance(self.maps.matched(student_maps, teacher_maps))
        if self.logits:
            terms = hinton_terms(self.setup, embeddings, batch.target, self.teacher.logits(teacher_embeddings))
        else:
            terms = self.setup.supervised(embeddings, batch.target)
        return {**terms, "attention": self.weight * distance}


def _spec(name: str, label: str, notes: str, *, logits: bool) -> srbench.DistillerSpec:
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(AttentionSimilarity, logits=logits),
        license="Apache-2.0; its page allows academic use only",
        tasks=frozenset({"recognition"}),
        tried_on=("cbam_small", "cbam_medium"),
        paper=srbench.Paper(
            title="Teaching Where to Look: Attention Similarity Knowledge Distillation for Low Resolution Face "
            "Recognition",
            venue="ECCV",
            year=2022,
            url="https://arxiv.org/abs/2209.14498",
        ),
        reconstruction=logits,
        notes=f"{notes} For networks that declare attention maps. Student and teacher may differ in width, depth and "
        "size of images, which is our extension.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide A-SKD, without and with the teacher's probabilities."""
    return [
        _spec("askd", "A-SKD", "The sum over all maps has weight 5.", logits=False),
        _spec(
            "askd_kd",
            "A-SKD + KD",
            "The paper reports this combination and its release lacks it; here Hinton's terms are weighed as in kd.",
            logits=True,
        ),
    ]
