"""How a student is trained: the interface of every distiller, and of plain training, which is the distiller ``none``.

A `Distiller` is made once for a training. It may keep modules of its own (regressors, critics, memory banks): what it
assigns as attributes is moved to the device, checkpointed, and dropped when the student is exported. The student and
the frozen teachers live in `Setup` and are not its sub-modules.

The simplest distiller overrides `Distiller.losses`; one that needs several backward passes, alternating optimisers or
second-order gradients overrides `Distiller.step` and owns the whole step; one that trains in stages overrides
`Distiller.phases`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn

from srbench.errors import TrainingError
from srbench.networks.network import Network
from srbench.networks.wanted import Points, Wanted
from srbench.recipe import TrainingRecipe
from srbench.scales import Scale

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Patches, whole images or points of patches, for one step."""

    lr: Tensor
    """(N, C, p, p) in [0, 1]; C is what the student takes: 3, or 1 for a network on luma."""
    hr: Tensor
    """(N, C, scale*p, scale*p) in [0, 1], or its points; see `wanted`."""
    wanted: Wanted
    """What to call the student and its teachers for: the scale, or points; hr is then their colours, (N, C, P, 1)."""
    step: int
    """Counted from 0 within the phase."""
    steps: int
    """Length of the phase."""
    generator: Generator
    """The distiller's own random stream, seeded from the run's seed, the phase and the step: a resumed training draws
    the same numbers. On the CPU."""
    conditions: Tensor | None = None
    """(N, k): what a non-blind student takes beside each patch; None for blind students."""
    labels: Tensor | None = None
    """(N,): the classes to recognise; None in super-resolution."""

    @property
    def scale(self) -> Scale:
        """The scale, for distillers that need whole images.

        Raises:
            TrainingError: The recipe trains on points.
        """
        if isinstance(self.wanted, Points):
            raise TrainingError(
                "This distiller needs whole patches, and the recipe trains on points of them; take points out of the "
                "recipe, or choose another distiller, such as none or logits."
            )
        return self.wanted

    @property
    def target(self) -> Tensor:
        """What the student's output is compared with: hr, or the labels where there are such."""
        return self.hr if self.labels is None else self.labels

    @property
    def for_teacher(self) -> Tensor:
        """What a teacher sees: lr, or hr where images are recognised, since its teacher knows those of full size."""
        return self.lr if self.labels is None else self.hr

    @property
    def progress(self) -> float:
        """0 at the first step of the phase, 1 at the last; for schedules on loss weights."""
        return self.step / max(self.steps - 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What a distiller is given."""

    student: Network
    teachers: tuple[Network, ...]
    """Trained teachers: in eval mode, without gradients; the framework asserts that they stay untouched."""
    scales: tuple[Scale, ...]
    recipe: TrainingRecipe
    losses: Mapping[str, Loss]
    """The recipe's losses by name; weigh them with ``recipe.losses``."""
    device: torch.device
    build: Callable[[str], Network]
    """Builds another architecture by name with fresh weights (a teaching assistant, a wider twin)."""

    @property
    def teacher(self) -> Network:
        """The only teacher, or the first."""
        if not self.teachers:
            raise TrainingError('This distiller needs a teacher and the suite names none; add `teacher = "…"`.')
        return self.teachers[0]

    def require_common_colours(self, teachers: Sequence[Network] = ()) -> None:
        """Refuse teachers whose output or features cannot be compared, as patches have the student's channels.

        A student on RGB may have a teacher on luma, whose chroma is then bicubic.

        Args:
            teachers: Teachers to check; default: all teachers of this setup.

        Raises:
            TrainingError: The student works on luma and a teacher on RGB, or there is no teacher.
        """
        student = self.student.spec
        for teacher in (network.spec for network in teachers or (self.teacher, *self.teachers[1:])):
            if student.channels == "y" and teacher.channels == "rgb":
                raise TrainingError(
                    f"The student {student.name} works on luma and the teacher {teacher.name} on RGB, so they cannot "
                    "be compared; choose a teacher on luma, or a student on RGB."
                )

    def own_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute what a student is trained by without a method: its weighted losses of a batch, by name.

        They are the recipe's losses of what the student returns. A student that models a distribution, whose sr is
        drawn, has its objective instead, and the recipe's losses do not matter.
        """
        if self.student.spec.samplers:
            return {"objective": self.student.objective(batch.lr, batch.hr, batch.generator)}
        output = self.student(batch.lr, batch.wanted, conditions=batch.conditions)
        return self.supervised(output, batch.target)

    def supervised(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Compute the recipe's weighted losses of what the student returned, by name.

        Args:
            output: sr (N, C, H, W), or embeddings (N, D) of a recogniser.
            target: `Batch.target`.
        """
        answer = self.student.answer(output, target)
        return {name: weight * self.losses[name](answer, target) for name, weight in self.recipe.losses.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """A stage of the training. Fields that are None take the recipe's value."""

    name: str
    share: float = 1.0
    """Weight of this phase in the recipe's steps; phases divide them in proportion."""
    optimise: Mapping[str, Sequence[nn.Module | nn.Parameter]] | None = None
    """Optimiser name to what it trains. None: one optimiser, "main", for the student and the distiller's modules,
    without the parameters that only the student's map of uncertainty needs. A parameter belongs to one optimiser, and
    must receive a gradient within the first `gradient_within` steps."""
    learning_rate: float | Mapping[str, float] | None = None
    """For all optimisers, or for each by name; the recipe's schedule scales it."""
    patch: int | None = None
    batch: int | None = None
    datasets: tuple[str, ...] | None = None
    degradation: str | None = None
    begin: Callable[[], None] | None = None
    """Runs once when the phase begins: the hand-over of weights from the phase before."""
    gradient_within: int = 64
    """Steps within which every optimised parameter must have seen a gradient."""


class Distiller(nn.Module):
    """Trains a student; subclass it and override what the method needs.

    Attributes:
        setup: The student, its teachers and the recipe.
        ema: Decay of the moving average of the student's weights that is measured and saved instead of them; the
            recipe's if None.
        points: True if it can train on points of patches, which recipes with ``points`` give: it calls networks for
            `Batch.wanted` and never reads `Batch.scale`. False for a class with a `losses` or `step` of its own, unless
            it says otherwise.
        objectives: True if it can train students that model a distribution by their own objective: it computes
            `Setup.own_losses`, and no loss of a sr. False for a class with a `losses` or `step` of its own, unless it
            says otherwise.
        data_parallel: Whether a batch may be divided among processes. True: every term is a mean over patches, nothing
            is drawn for each patch, and a step gives gradients to the same parameters for all patches. None:
            before each phase, its `losses` of a batch are compared with the mean over parts of it, and refused if they
            differ. False for a class with a `step` or `after_step` of its own, unless it says otherwise.
        notes: Sentences for the person who trains, for example which helper network was found; records keep them.
    """

    ema: float | None = None
    points: ClassVar[bool] = True
    objectives: ClassVar[bool] = True
    data_parallel: bool | None = None
    notes: Sequence[str] = ()

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401
        """Take it that its own losses need whole patches, and its own steps whole batches, unless it says otherwise."""
        super().__init_subclass__(**options)
        if "points" not in vars(cls) and not {"losses", "step"}.isdisjoint(vars(cls)):
            cls.points = False
        if "objectives" not in vars(cls) and not {"losses", "step"}.isdisjoint(vars(cls)):
            cls.objectives = False
        if "data_parallel" not in vars(cls) and not {"step", "after_step"}.isdisjoint(vars(cls)):
            cls.data_parallel = False

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self.setup = setup

    def phases(self) -> Sequence[Phase]:
        """Return the stages of the training, in order."""
        return (Phase("train"),)

    def losses(self, batch: Batch) -> Mapping[str, Tensor]:
        """Compute named, weighted terms; the default step minimises their sum and logs each of them."""
        return self.setup.own_losses(batch)

    def step(
        self,
        batch: Batch,
        optimisers: Mapping[str, Optimiser],
        next_batch: Callable[[], Batch],  # noqa: ARG002 - for methods with an outer loop
    ) -> Mapping[str, Tensor]:
        """Take one training step; override it to own backward passes and optimiser steps.

        Args:
            batch: Patches on the training's device.
            optimisers: The phase's optimisers by name.
            next_batch: Draws another batch for this step (a held-out batch of an outer loop).

        Returns:
            Named terms to log; the sum is watched for NaN.
        """
        terms = self.losses(batch)
        optimisers["main"].minimise(sum_of(terms))
        return terms

    def after_step(self, batch: Batch) -> None:
        """Do what follows every optimiser step: update a moving average, push to a memory bank."""

    def finish(self) -> None:
        """Do what follows the last phase, before the student's weights are saved."""

    def weights_note(self) -> str:
        """Return a line of text for the header of the file of the weights: what it says of them beyond their values."""
        return ""


class Optimiser:
    """An optimiser as a distiller sees it: precision, gradient clipping and the schedule are taken care of."""

    def __init__(
        self,
        optimiser: torch.optim.Optimizer,
        backward: Callable[[Tensor], None],
        step: Callable[[torch.optim.Optimizer], None],
    ) -> None:
        self.raw = optimiser
        self._backward, self._step = backward, step

    def zero_grad(self) -> None:
        """Forget gradients."""
        self.raw.zero_grad(set_to_none=True)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of ``loss``; mixed precision scales it."""
        self._backward(loss)

    def step(self) -> None:
        """Clip as the recipe says, and update."""
        self._step(self.raw)

    def minimise(self, loss: Tensor) -> None:
        """Forget gradients, back-propagate and update."""
        self.zero_grad()
        self.backward(loss)
        self.step()


def sum_of(terms: Mapping[str, Tensor]) -> Tensor:
    """Add up named terms.

    Raises:
        TrainingError: There is no term, or one is not a tensor of one number.
    """
    if not terms:
        raise TrainingError("The distiller returned no loss term; return at least one named tensor.")
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.numel() != 1:
            what = f"has shape {tuple(term.shape)}" if isinstance(term, Tensor) else f"is a {type(term).__name__}"
            raise TrainingError(f"The loss term {name!r} {what}; it must be a tensor of one number, such as a mean.")
    return torch.stack([t.reshape(()) for t in terms.values()]).sum()


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Average per-sample or per-pixel values under weights that broadcast to them; 0 if all weights are 0."""
    weights = weights.expand_as(values)
    return (values * weights).sum() / weights.sum().clamp_min(torch.finfo(values.dtype).tiny)
