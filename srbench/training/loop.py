"""The training loop: runs any distiller through its phases, from wherever the last checkpoint left it.

What a step does is a pure function of the state before it and of (seed, phase, step): patches, distiller's stream,
torch's global stream (dropout) and learning rate are all derived, none is carried along. On a CPU a training that was
killed at any moment therefore ends with the same bits as one that was not.

A resumed process runs the `Phase.begin` of every phase up to the current one again, in order, before it loads the
checkpoint: what they build or freeze is there again, and what they copied is overwritten by the state that was saved.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srbench.distilling.distiller import Batch, Distiller, Frozen, Phase
from srbench.errors import TrainingError, TrainingInterrupted
from srbench.records import TrainingCosts
from srbench.training.averages import Average, held_out_psnr
from srbench.training.checkpoints import Checkpoints
from srbench.training.costs import CostMeter
from srbench.training.devices import fast_memory_format, lay_out, make_accelerator, tuned
from srbench.training.optimisers import phase_lengths
from srbench.training.patches.source import PatchSource
from srbench.training.progress import Curves, Progress, Silent
from srbench.training.running_phase import RunningPhase
from srbench.training.seeds import seed_everything, stream

FROZEN_EVERY = 100
"""Steps between checks that nobody touched the teachers; another one ends each phase."""
CHECKPOINT_SECONDS = 300.0
"""A checkpoint is also written when the last one is older than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """How a training went."""

    steps: int
    resumed_at: int
    """Steps that an earlier process had done; 0 for a training in one go."""
    seconds: float
    """Spent in training, in all processes together."""
    images_per_second: float
    """Patches a second over this process's steps; 0 if it had none to do."""
    held_out_psnr: float | None
    """dB on the held-out patches at the end; None where the images are too small for any."""
    terms: Mapping[str, float]
    """Mean of each loss term over the last stretch of steps."""
    notes: tuple[str, ...]
    costs: TrainingCosts | None
    """Of a step; None where there were too few to time one."""


def train(
    distiller: Distiller,
    data: Callable[[int, Phase], PatchSource],
    *,
    seed: int,
    checkpoints: Path,
    steps: int | None = None,
    progress: Progress | None = None,
    log: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
    shown: Callable[[Tensor, int, int, int], None] | None = None,
    title: str = "",
) -> TrainingReport:
    """Train the student of ``distiller`` in place.

    The recipe's schedule runs once through every phase, stretched to its length, and scales the phase's learning rate.

    Args:
        distiller: On the setup's device or not: it is moved there.
        data: Phase number and phase to its patches.
        seed: Of the run; decides everything random from here on.
        checkpoints: Folder of this training alone. A checkpoint found there is gone on from, if it belongs to the same
            recipe, seed, student and distiller.
        steps: How many to take; the recipe's if None. Another number stretches or shrinks the recipe's schedule.
        progress: Is told how it goes.
        log: Folder for TensorBoard; None for no curves.
        stop: Asked after every step; True saves and ends the training.
        shown: Is given the lr patches of every batch before a step sees them, with phase, step and draw.
        title: For the progress bar; the student's label if empty.

    Raises:
        TrainingError: The loss is not finite, a parameter belongs to two optimisers or gets no gradient, a teacher was
            touched, or the recipe does not fit.
        TrainingInterrupted: ``stop`` said so.
        StoreError: A checkpoint cannot be written.
    """
    training = _Training(
        distiller,
        data,
        seed,
        steps or distiller.setup.recipe.steps,
        Checkpoints(checkpoints),
        progress or Silent(),
        stop,
        shown,
    )
    return training.run(log, title)


class _Training:
    """One training in one process."""

    stage: RunningPhase
    """The phase under way."""

    def __init__(
        self,
        distiller: Distiller,
        data: Callable[[int, Phase], PatchSource],
        seed: int,
        steps: int,
        checkpoints: Checkpoints,
        progress: Progress,
        stop: Callable[[], bool],
        shown: Callable[[Tensor, int, int, int], None] | None,
    ) -> None:
        self.distiller, self.setup, self.recipe = distiller, distiller.setup, distiller.setup.recipe
        self.data, self.seed, self.checkpoints, self.progress, self.stop = data, seed, checkpoints, progress, stop
        self.shown = shown
        self.student, self.device, self.steps = self.setup.student, self.setup.device, steps
        self.notes: list[str] = []
        for note in distiller.notes:
            self._note(note)
        self.accelerator = make_accelerator(self._precision(), self.device)
        self.memory_format = fast_memory_format(self.device, self.accelerator.mixed_precision)
        self.average: Average | None = None
        self._move()
        decay = self.recipe.ema if distiller.ema is None else distiller.ema
        if decay is not None:
            self.average = Average(self.student, decay)
        self.frozen = Frozen(self.setup.teachers)
        parts = [self.recipe.model_dump_json(), seed, self.student.spec.name, type(distiller).__qualname__]
        if steps != self.recipe.steps:
            parts.append(steps)
        self.identity = hashlib.sha256(repr(tuple(parts)).encode()).hexdigest()
        self.images, self.seconds, self.earlier_seconds = 0, 0.0, 0.0
        self.costs = CostMeter(distiller, self.device)
        self.untouched = True
        self.psnr: float | None = None
        self.means: dict[str, float] = {}

    def run(self, log: Path | None, title: str) -> TrainingReport:
        phases = self.distiller.phases()
        lengths = phase_lengths(phases, self.steps)
        state = self._saved()
        resumed = 0 if state is None else state["done"]
        self.progress.begin(title or self.student.spec.title, self.steps, resumed)
        try:
            with Curves(log, resumed) as curves, tuned(self.device):
                for index, (phase, length) in enumerate(zip(phases, lengths, strict=True)):
                    self._begin(phase, index)
                    if state is not None and index < state["phase"]:
                        continue
                    self._open(phase, index, length, sum(lengths[:index]))
                    start = 0
                    if state is not None and index == state["phase"]:
                        start = self._restore(state)
                    self._run_phase(start, curves)
            self._finish()
        finally:
            self.progress.end()
        return TrainingReport(
            steps=self.steps,
            resumed_at=resumed,
            seconds=self.earlier_seconds + self.seconds,
            images_per_second=self.images / self.seconds if self.images else 0.0,
            held_out_psnr=self.psnr,
            terms=self.means,
            notes=tuple(self.notes),
            costs=self.costs.costs(),
        )

    def _note(self, sentence: str) -> None:
        self.notes.append(sentence)
        self.progress.note(sentence)

    def _precision(self) -> Any:  # noqa: ANN401 - one of the recipe's literals
        precision, spec = self.recipe.precision, self.student.spec
        if precision != "fp32" and precision not in spec.half_precision:
            self._note(f"{spec.title} does not work in {precision} and is trained in fp32.")
            return "fp32"
        return precision

    def _networks(self) -> Iterator[nn.Module]:
        yield self.student.module
        yield self.distiller
        yield from (teacher.module for teacher in self.setup.teachers)
        if self.average is not None:
            yield self.average.network.module

    def _move(self) -> None:
        for module in self._networks():
            lay_out(module, self.device, self.memory_format)

    # --- phases -------------------------------------------------------------------------------------------------

    def _begin(self, phase: Phase, index: int) -> None:
        seed_everything(self.device, self.seed, index, "begin")
        if phase.begin is not None:
            phase.begin()
        self._move()

    def _open(self, phase: Phase, index: int, length: int, offset: int) -> None:
        for module in (self.student.module, self.distiller):
            module.zero_grad(set_to_none=True)
        self.student.module.train()  # what the distiller holds stays as it set it: a frozen encoder in eval mode
        if self.average is not None:
            self.average.restart()
        patches = self.data(index, phase)
        self.stage = RunningPhase(
            self.distiller, phase, patches, self.accelerator, index=index, length=length, offset=offset
        )
        for note in patches.notes:
            self._note(note)
        self.costs.open(length)

    def _run_phase(self, start: int, curves: Curves) -> None:
        stage, every = self.stage, min(100, max(1, self.steps // 200))
        began = saved = shown = time.perf_counter()
        images = 0
        stage.go_on_from(start)
        try:
            for step in range(start, stage.length):
                images += self._step(step)
                done, last = stage.offset + step + 1, step + 1 == stage.length
                if done % FROZEN_EVERY == 0 or last:
                    self.frozen.check()
                if last or done % self.recipe.validate_every == 0:
                    self._validate()
                now = time.perf_counter()
                if last or done % every == 0:
                    self.means = stage.terms.means() or self.means
                    rate = images / max(now - shown, 1e-9)
                    self._show(done, rate, curves)
                    self.images, images, shown = self.images + images, 0, now
                stopping = self.stop()
                if stopping or last or done % self.recipe.checkpoint_every == 0 or now - saved > CHECKPOINT_SECONDS:
                    self.seconds, began, saved = self.seconds + now - began, now, now
                    if last:
                        self.costs.end_phase()
                    self._save(step + 1)
                if stopping and done < self.steps:
                    raise TrainingInterrupted(
                        f"Training of {self.student.spec.title} stopped after step {done} of {self.steps} and "
                        "was saved; the same command goes on from there."
                    )
        finally:
            stage.close()
            self.costs.close()

    def _show(self, done: int, rate: float, curves: Curves) -> None:
        loss = sum(self.means.values())
        self.progress.advance(done, loss=loss, psnr=self.psnr, images_per_second=rate)
        scalars = {f"loss/{name}": value for name, value in self.means.items()}
        scalars |= {f"learning_rate/{name}": o.raw.param_groups[0]["lr"] for name, o in self.stage.optimisers.items()}
        scalars |= {"images_per_second": rate}
        if self.psnr is not None:
            scalars["held_out_psnr_db"] = self.psnr
        curves.write(done, scalars)

    def _finish(self) -> None:
        if self.average is not None:
            self.student.module.load_state_dict(self.average.network.module.state_dict())
        self.distiller.finish()
        self.frozen.check()
        bad = [name for name, w in self.student.module.state_dict().items() if not torch.isfinite(w).all()]
        if bad:
            raise TrainingError(
                f"The trained weights of {self.student.spec.name} are not finite ({bad[0]}); lower the recipe's "
                "learning_rate, set clip, or use precision fp32."
            )

    # --- a step -------------------------------------------------------------------------------------------------

    def _step(self, step: int) -> int:
        """Take a step; returns how many patches it was shown."""
        self.stage.set_rates(step)
        try:
            batch = self._take(step)
        except RuntimeError as error:
            if "view size is not compatible" not in str(error) or self.memory_format != torch.channels_last:
                raise
            self._lay_out_plainly(error)
            batch = self._take(step)
        self.untouched = False
        self.stage.require_gradients(step)
        return len(batch.lr)

    def _take(self, step: int) -> Batch:
        with self.costs.step(self.stage.optimisers):
            batch, terms = self._distil(step)
            self.stage.terms.add(step, terms)
            with torch.no_grad():
                self.distiller.after_step(batch)
            if self.average is not None:
                self.average.update(step)
        self.costs.shown(batch)
        return batch

    def _distil(self, step: int) -> tuple[Batch, Mapping[str, Tensor]]:
        stage = self.stage
        seed_everything(self.device, self.seed, stage.index, step, "torch")
        generator = stream(self.seed, stage.index, step, "distiller")
        draws = 0

        def next_batch() -> Batch:
            nonlocal draws
            lr, hr, scale = stage.patches.sample(step, draws)
            facts = stage.patches.conditions(step, draws) if self.student.spec.conditions else ()
            lr, hr = self._placed(lr), self._placed(hr)
            batch = Batch(lr, hr, scale, step, stage.length, generator, self.student.conditions_of(facts, lr))
            if self.shown is not None:
                self.shown(batch.lr, stage.index, step, draws)
            draws += 1
            return batch

        batch = next_batch()
        with self.accelerator.autocast():
            return batch, self.distiller.step(batch, stage.optimisers, next_batch)

    def _placed(self, patches: Tensor) -> Tensor:
        if self.device.type == "cuda":
            patches = patches.pin_memory()
        return patches.to(self.device, non_blocking=True).contiguous(memory_format=self.memory_format)

    def _lay_out_plainly(self, error: RuntimeError) -> None:
        """Some code takes `Tensor.view` of what is channels-last; then everything is laid out channels-first."""
        if not self.untouched:
            raise TrainingError(
                f"{type(self.distiller).__name__} or a network of its calls Tensor.view on a channels-last tensor; use "
                f"reshape or flatten there. ({error})"
            ) from error
        self.memory_format = torch.contiguous_format
        self._move()

    # --- looking and saving -------------------------------------------------------------------------------------

    def _validate(self) -> None:
        if self.stage.held_out and not self.student.spec.conditions:  # unknown for held-out patches
            network = self.student if self.average is None else self.average.network
            self.psnr = held_out_psnr(network, self.stage.held_out, self.device, self.stage.patches.batch)

    def _save(self, step: int) -> None:
        self.stage.terms.look()  # never a checkpoint of a training that has failed
        done = self.stage.offset + step
        scaler = self.accelerator.scaler
        self.checkpoints.save(
            done,
            {
                "identity": self.identity,
                "done": done,
                "phase": self.stage.index,
                "step": step,
                "seconds": self.earlier_seconds + self.seconds,
                "plain_layout": self.memory_format == torch.contiguous_format,
                "psnr": self.psnr,
                "student": self.student.module.state_dict(),
                "average": None if self.average is None else self.average.network.module.state_dict(),
                "distiller": self.distiller.state_dict(),
                "optimisers": {name: o.raw.state_dict() for name, o in self.stage.optimisers.items()},
                "costs": self.costs.state(),
                "scaler": None if scaler is None else scaler.state_dict(),
            },
        )

    def _saved(self) -> dict[str, Any] | None:
        state = self.checkpoints.latest(self.device, self._note)
        if state is not None and state.get("identity") != self.identity:
            self._note("The checkpoint found belongs to another recipe, seed, student or distiller; starting afresh.")
            self.checkpoints.forget()
            return None
        return state

    def _restore(self, state: Mapping[str, Any]) -> int:
        if state["plain_layout"] and self.memory_format != torch.contiguous_format:
            self.memory_format = torch.contiguous_format
            self._move()
        self.student.module.load_state_dict(state["student"])
        self.distiller.load_state_dict(state["distiller"])
        if self.average is not None:
            self.average.network.module.load_state_dict(state["average"])
        for name, optimiser in self.stage.optimisers.items():
            optimiser.raw.load_state_dict(state["optimisers"][name])
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.costs.restore(state["costs"])
        self.untouched = False
        self.psnr, self.earlier_seconds = state["psnr"], state["seconds"]
        step: int = state["step"]
        return step
