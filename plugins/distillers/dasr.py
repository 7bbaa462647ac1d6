"""DASR: learn a representation of the degradation by contrast, without a teacher (Wang et al., CVPR 2021).

Two patches of one image share a degradation; patches of other images have other degradations. The estimator learns
vectors that are close for the former and far apart for the latter,

``-log(exp(q·k / 0.07) / (exp(q·k / 0.07) + Σ exp(q·n / 0.07)))``  (equation 1),

where q and k are unit vectors of the two patches, k from a slow copy of the estimator, and n are the vectors of the
slow copy for the previous 8192 patches (MoCo). For the first 100 epochs of 600 the estimator is trained alone, then
the whole network is trained on the recipe's losses and this one.

Here it trains the estimator of KDSR's student, so that both ways to learn a representation can be compared on one
network. The two patches are the halves of a training patch, which share a degradation and show different content.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from srbench_plugins.architectures.kdsr import KDSR, LEAKY_SLOPE, Estimator
from torch import Generator, Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import full_precision

TEMPERATURE = 0.07
SLOW_COPY_DECAY = 0.999
"""Decay of the slow copy, once the warm-up is over."""
QUEUE, QUEUE_BATCHES = 8192, 256
"""The paper's queue: 256 batches of 32. With smaller batches it is shorter, or it would outlast a training."""
CONTRAST_WEIGHT = 1 / 255
"""Weight of the contrast beside the recipe's losses; the paper's is 1, for images in [0, 255]."""
ESTIMATOR_RATE = 1e-3
"""Learning rate while the estimator is trained alone; the recipe's rate is not used there."""
ESTIMATOR, STUDENT = range(2)
"""The stages of the training."""


def contrast(queries: Tensor, keys: Tensor, others: Tensor, *, temperature: float = TEMPERATURE) -> Tensor:
    """InfoNCE: the cross-entropy of finding each query's own key among others (equation 1).

    Args:
        queries: (N, d) unit vectors.
        keys: (N, d) unit vectors, one for each query.
        others: (K, d) unit vectors.
        temperature: Similarities are divided by it.

    Returns:
        The mean over the batch; the logarithm of 1 + K if all vectors are equal.
    """
    with full_precision(queries):
        wide = torch.promote_types(queries.dtype, torch.float32)
        queries, keys, others = queries.to(wide), keys.to(wide), others.to(wide)
        own = (queries * keys).sum(dim=1, keepdim=True)
        similarities = torch.cat((own, queries @ others.T), dim=1) / temperature
        return F.cross_entropy(similarities, torch.zeros(len(queries), dtype=torch.long, device=queries.device))


def halves(lr: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Split every patch in two halves, left and right or top and bottom, returned in random order.

    Args:
        lr: (N, C, p, p).
        generator: On the CPU; draws the direction and the order for the batch.
    """
    across, swapped = torch.randint(2, (2,), generator=generator).tolist()
    first, second = lr.tensor_split(2, dim=2 + across)
    return (second, first) if swapped else (first, second)


class DegradationContrast(srbench.Distiller):
    """Trains the student and its estimator; the terms are the recipe's and ``contrast``.

    Args:
        setup: The training setup; no teacher is needed.

    Raises:
        TrainingError: The student is not a KDSR network.
    """

    stage: Tensor
    queue: Tensor
    steps: Tensor

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        if not isinstance(setup.student.module, KDSR):
            raise srbench.TrainingError(
                f"{setup.student.spec.name} has no estimator of the degradation, which dasr trains; choose a KDSR "
                "network, such as kdsr_m."
            )
        width = setup.student.module.E_st.channels
        self.head = nn.Sequential(
            nn.Linear(width, width), nn.LeakyReLU(LEAKY_SLOPE, inplace=True), nn.Linear(width, width)
        )
        self.slow_estimator = copy.deepcopy(setup.student.module.E_st).requires_grad_(requires_grad=False)
        self.slow_head = copy.deepcopy(self.head).requires_grad_(requires_grad=False)
        length = min(QUEUE, QUEUE_BATCHES * setup.recipe.batch)
        self.register_buffer("queue", F.normalize(torch.randn(length, width), dim=1))
        self.register_buffer("stage", torch.tensor(ESTIMATOR))
        self.register_buffer("steps", torch.tensor(0))
        self._keys: Tensor | None = None

    @property
    def student(self) -> KDSR:
        """The student's network."""
        return cast("KDSR", self.setup.student.module)

    def phases(self) -> Sequence[srbench.Phase]:
        """The estimator alone, then the whole network; the shares are the epochs of the paper."""
        estimator = self.student.E_st
        return (
            srbench.Phase(
                "estimator",
                100,
                {"main": [estimator.E, estimator.mlp, self.head]},
                learning_rate=ESTIMATOR_RATE,
                begin=lambda: self._enter(ESTIMATOR),
            ),
            srbench.Phase("student", 500, {"main": [self.student, self.head]}, begin=lambda: self._enter(STUDENT)),
        )

    def _enter(self, stage: int) -> None:
        self.stage.fill_(stage)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """``contrast`` alone in the first phase, with the recipe's terms in the second."""
        first, second = halves(batch.lr, batch.generator)
        queries = _unit(self.student.E_st, self.head, first)
        with torch.no_grad():
            keys = self._keys = _unit(self.slow_estimator, self.slow_head, second)
        # a copy, as later steps write to the queue while the backward pass of this step still needs it
        contrast_term = contrast(queries, keys, self.queue.clone())
        if self.stage == ESTIMATOR:
            return {"contrast": contrast_term}
        return {**super().losses(batch), "contrast": CONTRAST_WEIGHT * contrast_term}

    def after_step(self, batch: srbench.Batch) -> None:  # noqa: ARG002 - the keys were computed in `losses`
        """Move the slow copy towards the estimator, and replace the oldest keys by those of this step."""
        step = int(self.steps)
        pace = 1 - min(SLOW_COPY_DECAY, (1 + step) / (10 + step))
        pairs = ((self.slow_estimator, self.student.E_st), (self.slow_head, self.head))
        for slow, fast in pairs:
            for average, weight in zip(slow.parameters(), fast.parameters(), strict=True):
                average.lerp_(weight, pace)
        if self._keys is not None:
            count = len(self._keys)
            places = (torch.arange(count, device=self.queue.device) + step * count) % len(self.queue)
            self.queue[places] = self._keys.to(self.queue.dtype)
        self.steps += 1


def _unit(estimator: Estimator, head: nn.Module, lr: Tensor) -> Tensor:
    vectors: Tensor = head(estimator.representation(lr))
    return F.normalize(vectors, dim=1)


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide the paper's training of a representation, for KDSR's network."""
    return [
        srbench.DistillerSpec(
            name="dasr",
            label="DASR's contrast",
            build=DegradationContrast,
            needs_teacher=False,
            tried_on=("kdsr_small", "kdsr_small"),
            paper=srbench.Paper(
                title="Unsupervised Degradation Representation Learning for Blind Super-Resolution",
                venue="CVPR",
                year=2021,
                url="https://arxiv.org/abs/2104.00416",
            ),
            license="MIT",
            reconstruction=True,
            notes="For KDSR's networks only; it trains their estimator in place of DASR's own. Needs a degradation "
            "that is drawn for each image of a batch. The paper crops two patches from an image; here they are the "
            "halves of one patch. The slow copy follows faster at first, as averages of weights do.",
        )
    ]
