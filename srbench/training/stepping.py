"""One step of a training: its random streams, its batches, the distiller's step and what follows it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from srbench.distilling.distiller import Batch
from srbench.training.costs import CostMeter
from srbench.training.learners import Learners
from srbench.training.memory import RememberingTeacher
from srbench.training.running_phase import RunningPhase
from srbench.training.seeds import seed_everything, stream


class Stepper:
    """Takes steps; each is a pure function of the state before it and of (seed, phase, step)."""

    def __init__(self, learners: Learners, seed: int, costs: CostMeter) -> None:
        self._learners, self._seed, self._costs = learners, seed, costs
        teachers = learners.distiller.setup.teachers
        self._memory = next((t.memory for t in teachers if isinstance(t, RememberingTeacher)), None)

    def take(self, phase: RunningPhase, step: int) -> int:
        """Take a step and return how many patches it was shown.

        Args:
            phase: The phase under way.
            step: Counted from 0 within the phase.

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
            next_batch = self._batches(phase, step).__next__
            batch = next_batch()
            with learners.accelerator.autocast():
                terms = learners.distiller.step(batch, phase.optimisers, next_batch)
            phase.terms.add(step, terms)
            learners.after_step(batch)
        self._costs.shown(batch)
        return batch

    def _batches(self, phase: RunningPhase, step: int) -> Iterator[Batch]:
        """Draw one batch of the step after another, without end."""
        learners = self._learners
        student = learners.student
        generator = stream(self._seed, phase.index, step, "distiller")
        for draw in itertools.count():
            lr, hr, scale = phase.patches.sample(step, draw)
            facts = phase.patches.conditions(step, draw) if student.spec.conditions else ()
            lr, hr = learners.place(lr), learners.place(hr)
            if self._memory is not None:
                self._memory.show(lr, phase.index, step, draw)
            yield Batch(lr, hr, scale, step, phase.length, generator, student.conditions_of(facts, lr))
