"""A phase while it is trained: what it optimises and how fast, on which patches, its steps, and its progress."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from srbench.distilling.distiller import Batch, Distiller, Phase
from srbench.errors import TrainingError
from srbench.training.costs import CostMeter
from srbench.training.division import Divider
from srbench.training.learners import Learners
from srbench.training.memory import RememberingTeacher
from srbench.training.optimisers import GradientWatch, make_optimisers, owned_parameters
from srbench.training.patches.source import PatchSource
from srbench.training.seeds import seed_everything, stream
from srbench.training.terms import Terms

if TYPE_CHECKING:
    from accelerate import Accelerator


class RunningPhase:
    """One phase, from the moment that its weights are initialised.

    Attributes:
        phase: What the distiller asked for.
        index: Number of the phase.
        length: Steps of the phase.
        offset: Steps of the phases before.
        patches: The source of the patches.
        held_out: The patches that progress is measured on.
        optimisers: Name to optimiser.
        terms: Collects the loss terms of the steps.
    """

    def __init__(
        self,
        distiller: Distiller,
        phase: Phase,
        patches: PatchSource,
        accelerator: Accelerator,
        divider: Divider,
        *,
        index: int,
        length: int,
        offset: int,
    ) -> None:
        """Make the optimisers and watch their parameters.

        Raises:
            TrainingError: A parameter is in two optimisers, or the learning rates are for others.
        """
        setup = distiller.setup
        self.phase, self.index, self.length, self.offset = phase, index, length, offset
        self._recipe = setup.recipe
        owned = owned_parameters(distiller, phase)
        self.optimisers = make_optimisers(owned, setup.recipe, accelerator, divider.add_gradients)
        given = phase.learning_rate
        rates = given if isinstance(given, Mapping) else dict.fromkeys(owned, given or setup.recipe.learning_rate)
        if rates.keys() != owned.keys():
            raise TrainingError(
                f"Phase {phase.name!r} gives learning rates for {sorted(rates)} but has the optimisers {sorted(owned)}."
            )
        self._rates = rates
        self._watch = GradientWatch(owned, _exempt(distiller))
        self._watched_from = 0
        self.terms = Terms(phase.name, length, setup.device)
        self.patches = patches
        self.held_out = patches.held_out()

    def resume_from(self, step: int) -> None:
        """Resume the phase at ``step``; another process took the steps before."""
        self._watched_from = step

    def set_rates(self, step: int) -> None:
        """Give the optimisers the learning rates of the step about to be taken."""
        position = step * self._recipe.steps // self.length
        factor = self._recipe.rate_at(position) / self._recipe.learning_rate
        for name, optimiser in self.optimisers.items():
            for group in optimiser.raw.param_groups:
                group["lr"] = self._rates[name] * factor

    def require_gradients(self, step: int) -> None:
        """Check that every parameter has had a gradient, once enough steps were taken.

        Raises:
            TrainingError: One has not.
        """
        missing, watched = self._watch.missing(), step + 1 - self._watched_from
        if not missing or (watched < self.phase.gradient_within and watched < self.length):
            return
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise TrainingError(
            f"{len(missing)} parameters received no gradient in {watched} steps of phase {self.phase.name!r}: {shown}. "
            "Use them in a loss, leave them out of the phase's optimise, or name them in the spec's dead_parameters."
        )

    def close(self) -> None:
        """Stop watching the parameters."""
        self._watch.close()


def _exempt(distiller: Distiller) -> list[str]:
    """List the parameters that need no gradient: dead ones, and those that may serve untrained scales only."""
    setup = distiller.setup
    spec = setup.student.spec
    names = [name for name, _ in setup.student.module.named_parameters()]
    if not (spec.one_network and set(setup.scales) < spec.scales):
        names = [name for name in names if any(fnmatch.fnmatch(name, dead) for dead in spec.dead_parameters)]
    return [f"student.{name}" for name in names]


class Stepper:
    """Takes steps; each is a pure function of the state before it and of (seed, phase, step)."""

    def __init__(self, learners: Learners, seed: int, costs: CostMeter, divider: Divider) -> None:
        self._learners, self._seed, self._costs, self._divider = learners, seed, costs, divider
        teachers = learners.distiller.setup.teachers
        self._memory = next((t.memory for t in teachers if isinstance(t, RememberingTeacher)), None)

    def take(self, phase: RunningPhase, step: int) -> int:
        """Take a step, counted from 0 within the phase, and return how many patches this process was shown.

        Raises:
            TrainingError: The loss is not finite, or a parameter gets no gradient.
        """
        phase.set_rates(step)
        try:
            batch = self._attempt(phase, step)
        except RuntimeError as error:
            if not self._learners.lay_out_plainly(error):
                raise
            batch = self._attempt(phase, step)
        self._learners.untouched = False
        phase.require_gradients(step)
        return len(batch.lr)

    def _attempt(self, phase: RunningPhase, step: int) -> Batch:
        learners = self._learners
        with self._costs.step(phase.optimisers):
            seed_everything(learners.device, self._seed, phase.index, step, "torch")
            with learners.accelerator.autocast():
                batch, terms = self._terms(phase, step)
            phase.terms.add(step, self._divider.add_terms(terms))
            learners.after_step(batch)
        self._costs.shown(batch)
        return batch

    def _terms(self, phase: RunningPhase, step: int) -> tuple[Batch, Mapping[str, Tensor]]:
        """Step with this process's part of the batch; return that part, and the terms."""
        device, divider = self._learners.device, self._divider
        if divider.in_order:

            def seed(part: int) -> None:
                seed_everything(device, self._seed, phase.index, step, "torch", part)

            whole = next(self._batches(phase, step, whole=True))
            return divider.own(whole), divider.step_in_order(whole, phase.optimisers["main"], seed)
        next_batch = self._batches(phase, step).__next__
        batch = next_batch()
        before = divider.random_state(device) if divider.active else None
        terms = self._learners.distiller.step(batch, phase.optimisers, next_batch)
        if divider.active:
            divider.require_same_stream(before, device)
        return batch, terms

    def check_division(self, phase: RunningPhase, step: int) -> None:
        """Refuse a method whose batches cannot be divided, if they are to be; see `Divider.check`."""
        if self._divider.active:
            seed_everything(self._learners.device, self._seed, phase.index, step, "torch")
            self._divider.check(next(self._batches(phase, step, whole=True)))

    def _batches(self, phase: RunningPhase, step: int, *, whole: bool = False) -> Iterator[Batch]:
        """Draw one batch of the step after another, without end: this process's part of each, or the whole."""
        learners = self._learners
        student = learners.student
        generator = stream(self._seed, phase.index, step, "distiller")
        for draw in itertools.count():
            lr, hr, wanted = phase.patches.sample(step, draw)
            facts = phase.patches.conditions(step, draw) if student.spec.conditions else ()
            labels = phase.patches.labels(step, draw)
            lr, hr = learners.place(lr), learners.place(hr)
            conditions = student.conditions_of(facts, lr)
            labels = None if labels is None else labels.to(lr.device)
            batch = Batch(lr, hr, wanted, step, phase.length, generator, conditions, labels)
            if not whole:
                batch = self._divider.own(batch)
            if self._memory is not None:
                self._memory.show(batch.lr, phase.index, step, draw)
            yield batch
