"""DASR: the degradation of an image learnt without a teacher, by telling degradations apart (Wang et al., CVPR 2021).

Two patches of one image were degraded alike, patches of others in other ways. The estimator learns vectors that are
close for the former and far for the latter,

``-log(exp(q·k / 0.07) / (exp(q·k / 0.07) + Σ exp(q·n / 0.07)))``  (equation 1),

where q and k are unit vectors of the two patches, k by a slow copy of the estimator, and n those that the slow copy
gave for the 8192 patches before (MoCo). At first the estimator learns alone, for 100 epochs of 600; then all of it,
by the recipe's losses and this one.

Here it trains the estimator of KDSR's student, so that the two ways to learn a representation compare on one network.
The two patches are the halves of a training patch, which were degraded alike and show different things.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from srbench_plugins.architectures.kdsr import KDSR, SLOPE, Estimator
from torch import Generator, Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import full_precision

TEMPERATURE = 0.07
MOMENTUM = 0.999
"""Of the slow copy, once it has forgotten the start."""
QUEUE, QUEUE_BATCHES = 8192, 256
"""The paper's queue: 256 batches of 32. With smaller batches it is shorter, or it would outlast a training."""
WEIGHT = 1 / 255
"""Of the contrast beside the recipe's losses: the paper's is 1, for images from 0 to 255."""
ESTIMATOR_RATE = 1e-3
"""Learning rate while the estimator learns alone, whatever the recipe's is."""
ESTIMATOR, STUDENT = range(2)
"""The stages."""


def contrast(queries: Tensor, keys: Tensor, others: Tensor, *, temperature: float = TEMPERATURE) -> Tensor:
    """How badly each query tells its own key from others (equation 1).

    Args:
        queries: (N, d) unit vectors.
        keys: The same, one for each query.
        others: (K, d) unit vectors.
        temperature: Similarities are divided by it.

    Returns:
        The mean over the batch; the logarithm of 1 + K where all are alike.
    """
    with full_precision(queries):
        wide = torch.promote_types(queries.dtype, torch.float32)
        queries, keys, others = queries.to(wide), keys.to(wide), others.to(wide)
        own = (queries * keys).sum(dim=1, keepdim=True)
        similarities = torch.cat((own, queries @ others.T), dim=1) / temperature
        return F.cross_entropy(similarities, torch.zeros(len(queries), dtype=torch.long, device=queries.device))


def halves(lr: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Two halves of every patch, side by side or one above the other, in random order.

    Args:
        lr: (N, C, p, p).
        generator: On the CPU; tosses two coins for the batch.
    """
    across, swapped = torch.randint(2, (2,), generator=generator).tolist()
    first, second = lr.tensor_split(2, dim=2 + across)
    return (second, first) if swapped else (first, second)


class DegradationContrast(srbench.Distiller):
    """Trains the student and its estimator; the terms are the recipe's and ``contrast``.

    Args:
        setup: The training's; no teacher is needed.

    Raises:
        TrainingError: The student is no KDSR network.
    """

    stage: Tensor
    queue: Tensor
    steps: Tensor

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        if not isinstance(setup.student.module, KDSR):
            raise srbench.TrainingError(
                f"{setup.student.spec.name} makes no estimate of the degradation that could be contrasted; train a "
                "KDSR network this way, such as kdsr_m."
            )
        width = setup.student.module.E_st.channels
        self.head = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(SLOPE, inplace=True), nn.Linear(width, width))
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
        """The estimator alone, then everything; by the epochs of the paper."""
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
        """The contrast alone at first, then with the recipe's terms."""
        first, second = halves(batch.lr, batch.generator)
        queries = _unit(self.student.E_st, self.head, first)
        with torch.no_grad():
            keys = self._keys = _unit(self.slow_estimator, self.slow_head, second)
        # later steps write to the queue, which the backward pass of this one still needs
        unlike = contrast(queries, keys, self.queue.clone())
        if self.stage == ESTIMATOR:
            return {"contrast": unlike}
        return {**super().losses(batch), "contrast": WEIGHT * unlike}

    def after_step(self, batch: srbench.Batch) -> None:  # noqa: ARG002 - the keys were made of it
        """Move the slow copy, and put this step's keys in place of the oldest."""
        step = int(self.steps)
        pace = 1 - min(MOMENTUM, (1 + step) / (10 + step))
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
    """The paper's way to learn a representation, for KDSR's network."""
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
            notes="For KDSR's networks only, whose estimator it trains in place of DASR's own. Needs a degradation "
            "that each image of a batch draws for itself. The paper crops two patches from an image, here they are "
            "halves of one; the slow copy follows faster at first, as averages of weights do.",
        )
    ]
