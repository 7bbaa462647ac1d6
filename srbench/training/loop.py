"""The training loop: runs any distiller through its phases, from where the last checkpoint left it.

What a step does is a pure function of the state before it and of (seed, phase, step): patches, distiller's stream,
torch's global stream (dropout) and learning rate are all derived, none is carried along. On a CPU a training that was
killed at any moment therefore ends with the same bits as one that was not.

A resumed process runs the `Phase.begin` of every phase up to the current one again, in order, before it loads the
checkpoint: what they build or freeze is there again, and what they copied is overwritten by the state that was saved.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srbench.distilling.distiller import Distiller, Phase
from srbench.errors import TrainingInterrupted
from srbench.records.model import TrainingCosts
from srbench.training.checkpoints import Checkpoints
from srbench.training.costs import CostMeter
from srbench.training.curves import CurveFile
from srbench.training.devices import make_accelerator, tuned
from srbench.training.division import Divider
from srbench.training.group import ALONE, Group
from srbench.training.learners import FrozenTeachers, Learners
from srbench.training.optimisers import phase_lengths
from srbench.training.patches.source import PatchSource
from srbench.training.progress import Oversight
from srbench.training.running_phase import RunningPhase, Stepper
from srbench.training.seeds import seed_everything
from srbench.training.tracking import Trackers
from srbench.training.validation import PSNR, Validation

STEPS_BETWEEN_TEACHER_CHECKS = 100
"""Steps between checks that the teachers are unchanged; there is also one at the end of each phase."""
CHECKPOINT_SECONDS = 300.0
"""A checkpoint is also written when the last one is older than this."""
SHOWN_SECONDS = 30.0
"""Progress is also shown when the last was shown longer ago than this: a step may take seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """The report of a finished training."""

    steps: int
    resumed_at: int
    """Steps that an earlier process had done; 0 for a training in one go."""
    seconds: float
    """Spent in training, in all processes together."""
    images_per_second: float
    """Patches a second over this process's steps; 0 if it had none to do."""
    held_out: float | None
    """The score on what is held out, of the weights that it ends with; None where nothing is."""
    terms: Mapping[str, float]
    """Mean of each loss term over the last stretch of steps."""
    notes: tuple[str, ...]
    costs: TrainingCosts | None
    """The cost of a step; None if there were too few steps to time one."""


def train(
    distiller: Distiller,
    data: Callable[[int, Phase, int], PatchSource],
    *,
    seed: int,
    checkpoints: Path,
    steps: int | None = None,
    oversight: Oversight | None = None,
    validation: Validation = PSNR,
    group: Group = ALONE,
) -> TrainingReport:
    """Train the student of ``distiller`` in place.

    The recipe's schedule runs once through every phase, stretched to its length, and scales the phase's learning rate.

    Args:
        distiller: It is moved to the setup's device.
        data: ``data(index, phase, length)`` gives the patches of a phase of so many steps.
        seed: Seed of the run, which decides everything random from here on.
        checkpoints: Folder of this training alone. If it holds a checkpoint of the same recipe, seed, student and
            distiller, training resumes from it.
        steps: How many to take; default: as the recipe says. Another number stretches or shrinks the recipe's schedule.
        oversight: Shows how it goes and may stop it.
        validation: Scores the student on what the data holds out.
        group: The processes that train together; all of them call this with the same arguments.

    Raises:
        LostProcessError: Another process of the group has ended.
        TrainingError: The method cannot be divided among them, the loss is not finite, a parameter belongs to two
            optimisers or gets no gradient, a teacher was touched, or the recipe does not fit.
        TrainingInterrupted: ``oversight.stop`` said so.
        StoreError: A checkpoint cannot be written.
    """
    steps = steps or distiller.setup.recipe.steps
    identity = _identity(distiller, seed, steps)
    kept = Checkpoints(checkpoints, identity)
    return _Loop(distiller, data, seed, steps, kept, oversight or Oversight(), validation, group).run()


def _identity(distiller: Distiller, seed: int, steps: int) -> str:
    """Hash what a checkpoint must have in common with the training that resumes from it."""
    setup = distiller.setup
    parts = (setup.recipe.model_dump_json(), seed, setup.student.spec.name, type(distiller).__qualname__, steps)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


class _Loop:
    """One training in one process."""

    def __init__(
        self,
        distiller: Distiller,
        data: Callable[[int, Phase, int], PatchSource],
        seed: int,
        steps: int,
        checkpoints: Checkpoints,
        oversight: Oversight,
        validation: Validation,
        group: Group,
    ) -> None:
        self.distiller, self.setup, self.recipe = distiller, distiller.setup, distiller.setup.recipe
        self.data, self.seed, self.steps = data, seed, steps
        self.checkpoints, self.oversight, self.progress = checkpoints, oversight, oversight.progress
        self.validation, self.group = validation, group
        self.notes: list[str] = []
        for note in distiller.notes:
            self._note(note)
        self.learners = Learners(distiller, make_accelerator(self._precision(), self.setup.device))
        self.frozen = FrozenTeachers(self.setup.teachers)
        self.costs = CostMeter(distiller, self.setup.device)
        self.divider = Divider(distiller, group)
        self.stepper = Stepper(self.learners, seed, self.costs, self.divider)
        self.images, self.seconds, self.earlier_seconds = 0, 0.0, 0.0
        self.quality: float | None = None
        self.means: dict[str, float] = {}
        self.curves: CurveFile | None = None
        self.trackers: Trackers | None = None

    def run(self) -> TrainingReport:
        phases = self.distiller.phases()
        lengths = phase_lengths(phases, self.steps)
        state = self._latest()
        resumed = 0 if state is None else state["done"]
        self.progress.begin(self.oversight.title or self.setup.student.spec.title, self.steps, resumed)
        try:
            self.curves = CurveFile(self.oversight.curves, resumed) if self.oversight.curves else None
            watch = self.oversight
            self.trackers = Trackers(watch.tracking, watch.run, watch.settings, resumed, self.progress.note)
            with tuned(self.setup.device, deterministic=self.recipe.deterministic):
                for index, (phase, length) in enumerate(zip(phases, lengths, strict=True)):
                    self._hand_over(phase, index)
                    if state is not None and index < state["phase"]:
                        continue
                    running = self._open(phase, index, length, sum(lengths[:index]))
                    start = 0
                    if state is not None and index == state["phase"]:
                        start = self._restore(running, state)
                    self._run_phase(running, start)
            self.learners.finish()
            self.frozen.check()
        finally:
            if self.trackers:
                self.trackers.close()
            self.progress.end()
        return TrainingReport(
            steps=self.steps,
            resumed_at=resumed,
            seconds=self.earlier_seconds + self.seconds,
            images_per_second=self.images / self.seconds if self.images else 0.0,
            held_out=self.learners.best_quality if self.learners.chooses else self.quality,
            terms=self.means,
            notes=tuple(self.notes),
            costs=self.costs.costs(),
        )

    def _latest(self) -> dict[str, Any] | None:
        """Read the last checkpoint; the first process does so before the others, as it may delete some."""
        if not self.group.leads:
            self.group.any(False)
        state = self.checkpoints.latest(self.setup.device, self._note)
        if self.group.leads:
            self.group.any(False)
        return state

    def _note(self, sentence: str) -> None:
        self.notes.append(sentence)
        self.progress.note(sentence)

    def _precision(self) -> Any:  # noqa: ANN401 - one of the recipe's literals
        precision, spec = self.recipe.precision, self.setup.student.spec
        if precision != "fp32" and precision not in spec.half_precision:
            self._note(f"{spec.title} does not work in {precision} and is trained in fp32.")
            return "fp32"
        return precision

    def _hand_over(self, phase: Phase, index: int) -> None:
        seed_everything(self.setup.device, self.seed, index, "begin")
        if phase.begin is not None:
            phase.begin()
        self.learners.move()

    def _open(self, phase: Phase, index: int, length: int, offset: int) -> RunningPhase:
        self.learners.begin_phase()
        patches = self.data(index, phase, length)
        running = RunningPhase(
            self.distiller, phase, patches, self.learners.accelerator, self.divider,
            index=index, length=length, offset=offset,
        )  # fmt: skip
        for note in patches.notes:
            self._note(note)
        self.costs.open(length)
        return running

    def _run_phase(self, running: RunningPhase, start: int) -> None:
        every = min(100, max(1, self.steps // 200))
        saved = shown = time.perf_counter()
        images = 0
        running.resume_from(start)
        self.stepper.check_division(running, start)
        try:
            for step in range(start, running.length):
                images += self.stepper.take(running, step)
                done, last = running.offset + step + 1, step + 1 == running.length
                if done % STEPS_BETWEEN_TEACHER_CHECKS == 0 or last:
                    self.frozen.check()
                if done % STEPS_BETWEEN_TEACHER_CHECKS == 0 or last or step == start:
                    self.group.require_equal(self.learners.tensors(), f"after step {done}")
                if last or done % self.recipe.validate_every == 0:
                    self._validate(running)
                now = time.perf_counter()
                if last or done % every == 0 or now - shown > SHOWN_SECONDS:
                    self.means = running.terms.means() or self.means
                    self._show(running, done, images / max(now - shown, 1e-9), self.seconds + now - saved)
                    self.images, images, shown = self.images + images, 0, now
                stopping, due = self.group.any(self.oversight.stop(), now - saved > CHECKPOINT_SECONDS)
                if stopping or last or due or done % self.recipe.checkpoint_every == 0:
                    self.seconds, saved = self.seconds + now - saved, now
                    if last:
                        self.costs.end_phase()
                    self._save(running, step + 1)
                if stopping:
                    raise TrainingInterrupted(
                        f"Training of {self.setup.student.spec.title} stopped after step {done} of {self.steps} and "
                        "was saved; the same command goes on from there."
                    )
        finally:
            running.close()
            self.costs.close()

    def _validate(self, running: RunningPhase) -> None:
        if (
            self.group.leads and running.held_out and not self.setup.student.spec.conditions
        ):  # unknown for held-out patches
            batch = running.patches.batch
            self.quality = self.validation.measure(self.learners.measured, running.held_out, self.setup.device, batch)
            self.learners.judge(self.quality)

    def _show(self, running: RunningPhase, done: int, rate: float, seconds: float) -> None:
        held_out = self.validation.text(self.quality)
        self.progress.advance(done, loss=sum(self.means.values()), held_out=held_out, images_per_second=rate)
        scalars = {f"loss/{name}": value for name, value in self.means.items()}
        scalars |= {f"learning_rate/{name}": o.raw.param_groups[0]["lr"] for name, o in running.optimisers.items()}
        scalars |= {"seconds": self.earlier_seconds + seconds, "images_per_second": rate}
        if self.quality is not None:
            scalars[self.validation.name] = self.quality
        if self.curves is not None:
            self.curves.add(done, scalars)
        if self.trackers:
            self.trackers.add(done, scalars)
            if done == self.steps and not self.setup.student.spec.conditions:
                sheet = self.validation.draw(self.learners.measured, running.held_out, self.setup.device)
                if sheet is not None:
                    self.trackers.show(done, "held_out_crops", sheet, self.validation.caption)

    def _save(self, running: RunningPhase, step: int) -> None:
        running.terms.look()  # never a checkpoint of a training that has failed
        if not self.group.leads:
            return
        state = {
            "done": running.offset + step,
            "phase": running.index,
            "step": step,
            "quality": self.quality,
            "seconds": self.earlier_seconds + self.seconds,
            "optimisers": {name: o.raw.state_dict() for name, o in running.optimisers.items()},
            "costs": self.costs.state(),
        }
        self.checkpoints.save(running.offset + step, state | self.learners.state())

    def _restore(self, running: RunningPhase, state: Mapping[str, Any]) -> int:
        self.learners.restore(state)
        for name, optimiser in running.optimisers.items():
            optimiser.raw.load_state_dict(state["optimisers"][name])
        self.costs.restore(state["costs"])
        self.quality, self.earlier_seconds = state["quality"], state["seconds"]
        step: int = state["step"]
        return step
