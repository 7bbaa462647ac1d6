"""KDSR: the student learns to estimate the degradation from a teacher that sees hr (ICLR 2023).

Both networks consist of an SR network G and an estimator of the degradation, whose output drives G's kernels (Xia et
al.; the networks are in `srbench_plugins.architectures.kdsr`). The teacher's estimator sees lr and hr, and the whole
teacher is trained on the recipe's losses. Then the student starts with the teacher's G and its own estimator, which
sees lr only, and is trained on the recipe's losses and

``KL(softmax(D'_T / 0.15) || softmax(D'_S / 0.15))``, a sum over the vector and a mean over the batch,

where D' is the output of the estimators before its compression. It is not multiplied by the square of the temperature.
For anisotropic blur and noise the release first trains the estimator alone, on the divergence, at twice the rate.

LightBSR (ICCV 2025) adds ``0.1 * L1(D'_S, D'_T)``, which KDSR's release computes but does not use.

``kdsr_undistilled`` is the control, without the divergence. Its gain over ``none`` comes from the teacher's G; the gain
of ``kdsr`` over it comes from the distilled representation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from srbench_plugins.architectures.kdsr import KDSR, PAPER
from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import full_precision

TEMPERATURE = 0.15
L1_WEIGHT = 0.1
"""Weight of the L1 distance in LightBSR."""
TEACHER, ESTIMATOR, STUDENT = range(3)
"""The stages of the training."""

Distance = Callable[[Tensor, Tensor], Tensor]
"""Takes the vectors of student and teacher, (N, 4C), and returns one number."""


def divergence(student: Tensor, teacher: Tensor, *, temperature: float = TEMPERATURE) -> Tensor:
    """KL divergence of the student's softened vectors from the teacher's (equation 6).

    Args:
        student: The student's D', (N, 4C).
        teacher: The teacher's D', (N, 4C).
        temperature: Divides both.

    Returns:
        The mean over the batch, not multiplied by the square of the temperature.
    """
    with full_precision(student):
        wide = torch.promote_types(student.dtype, torch.float32)
        student_vectors, teacher_vectors = (
            F.log_softmax(vectors.to(wide) / temperature, dim=1) for vectors in (student, teacher)
        )
        return F.kl_div(student_vectors, teacher_vectors, reduction="batchmean", log_target=True)


def divergence_and_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """LightBSR's distance: `divergence` plus a tenth of the mean absolute difference."""
    return divergence(student, teacher) + L1_WEIGHT * F.l1_loss(student, teacher)


class DegradationDistillation(srbench.Distiller):
    """Trains a teacher that sees hr, and then the student; the terms are the recipe's and ``degradation``.

    Args:
        setup: The training setup; no teacher is needed.
        distance: Distance between the vectors of student and teacher.
        weight: Weight of that distance; 0 leaves it out.
        estimator_first: Whether the student's estimator is trained alone before the whole student.

    Raises:
        TrainingError: The student is not a KDSR network.
    """

    stage: Tensor

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        distance: Distance = divergence,
        weight: float = 1.0,
        estimator_first: bool = False,
    ) -> None:
        super().__init__(setup)
        if not isinstance(setup.student.module, KDSR):
            raise srbench.TrainingError(
                f"{setup.student.spec.name} has no estimator of the degradation, which this distiller trains; choose a "
                "KDSR network, such as kdsr_m."
            )
        self.teacher = setup.student.module.teacher().to(setup.device)
        self.distance, self.weight, self.estimator_first = distance, weight, estimator_first
        self.register_buffer("stage", torch.tensor(TEACHER))

    @property
    def student(self) -> KDSR:
        """The student's network."""
        return cast("KDSR", self.setup.student.module)

    def phases(self) -> Sequence[srbench.Phase]:
        """The teacher, the estimator alone if it goes first, and the student; the shares are the release's epochs."""
        estimator, rate = self.student.E_st, self.setup.recipe.learning_rate
        teacher = srbench.Phase("teacher", 500, {"main": [self.teacher]}, begin=self._begin_teacher)
        student = {"main": [self.student]}
        if not self.estimator_first:
            return (teacher, srbench.Phase("student", 600, student, begin=partial(self._hand_over, STUDENT)))
        return (
            teacher,
            srbench.Phase(
                "estimator",
                100,
                {"main": [estimator.E, estimator.mlp]},
                learning_rate=2 * rate,
                begin=partial(self._hand_over, ESTIMATOR),
            ),
            srbench.Phase("student", 400, student, begin=partial(self._hand_over, STUDENT)),
        )

    def _begin_teacher(self) -> None:
        self.stage.fill_(TEACHER)

    def _hand_over(self, stage: int) -> None:
        """Freeze the teacher and copy its SR network to the student, where only the last stage changes it."""
        self.stage.fill_(stage)
        self.teacher.eval().requires_grad_(requires_grad=False)
        self.student.G.load_state_dict(self.teacher.G.state_dict())

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms of the teacher; ``degradation`` if the estimator goes first; then both of the student."""
        if self.stage == TEACHER:
            return self.setup.supervised(self.teacher(batch.lr, batch.hr), batch.hr)
        if not self.weight:
            return super().losses(batch)
        if self.stage == ESTIMATOR:
            vectors = self.student.E_st.representation(batch.lr)
            return {"degradation": self.weight * self.distance(vectors, self._teacher_vectors(batch))}
        _, terms = self.imitate(batch)
        return terms

    def imitate(self, batch: srbench.Batch) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Return the output of the whole student, and its terms: the recipe's and ``degradation``."""
        teacher_vectors = self._teacher_vectors(batch)
        with srbench.capture(self.student, (KDSR.idr,)) as features:
            sr = self.setup.student(batch.lr, batch.scale)
        degradation = self.weight * self.distance(features[KDSR.idr], teacher_vectors)
        return sr, {**self.setup.supervised(sr, batch.hr), "degradation": degradation}

    @torch.no_grad()
    def _teacher_vectors(self, batch: srbench.Batch) -> Tensor:
        """The teacher's vectors D'."""
        return self.teacher.E.representation(self.teacher.seen(batch.lr, batch.hr))


def _spec(name: str, label: str, notes: str, **options: Any) -> srbench.DistillerSpec:  # noqa: ANN401 - the class's
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(DegradationDistillation, **options),
        needs_teacher=False,
        tried_on=("kdsr_small", "kdsr_small"),
        paper=PAPER,
        license="unknown (no licence file)",
        notes=f"{notes} For KDSR's networks only. It trains its own teacher, and divides the steps as the release "
        "divides its epochs; the last stage of the student starts from the teacher's SR network.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide the two schedules of the release, the loss of its successor, and the control."""
    return [
        _spec("kdsr", "KDSR", "The release's schedule for isotropic blur: the whole student learns at once."),
        _spec(
            "kdsr_estimator_first",
            "KDSR (estimator first)",
            "The release's schedule for anisotropic blur and noise: the student's estimator is trained alone first, at "
            "twice the rate. The release lowers that rate once; here it follows the recipe's schedule.",
            estimator_first=True,
        ),
        _spec(
            "kdsr_l1",
            "KDSR + L1",
            "With LightBSR's distance between the vectors, KL plus a tenth of L1; its loss on a feature map is left "
            "out.",
            distance=divergence_and_distance,
        ),
        _spec(
            "kdsr_undistilled",
            "KDSR, undistilled",
            "The control: the student starts from the teacher's SR network as in kdsr, without the divergence.",
            weight=0.0,
        ),
    ]
