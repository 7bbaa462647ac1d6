"""The networks of a training: those that it changes, their average, and the teachers, which it must not change."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from srbench.distilling.distiller import Batch, Distiller
from srbench.errors import TrainingError
from srbench.networks.network import Network
from srbench.training.devices import fast_memory_format, lay_out

if TYPE_CHECKING:
    from accelerate import Accelerator


class Learners:
    """All networks of a training, on one device and in one memory format.

    Attributes:
        distiller: Trains the student.
        student: The student of the setup.
        device: Where the networks are.
        accelerator: Casts and scales for the precision of the training.
        untouched: Whether no step has been taken since the networks were made.
        chooses: Whether the training ends with the weights that scored best on what is held out, not the last ones.
        best_quality: The score of these; None before the first.
    """

    def __init__(self, distiller: Distiller, accelerator: Accelerator) -> None:
        """Move all networks to the setup's device."""
        setup = distiller.setup
        self.distiller, self.student, self.device = distiller, setup.student, setup.device
        self.accelerator = accelerator
        self.untouched = True
        self._memory_format = fast_memory_format(self.device, accelerator.mixed_precision)
        self._average: Average | None = None
        self.chooses = setup.recipe.choose != "last"
        self.best_quality: float | None = None
        self._best: dict[str, Tensor] | None = None
        self.move()
        decay = setup.recipe.ema if distiller.ema is None else distiller.ema
        if decay is not None:
            self._average = Average(self.student, decay)

    @property
    def measured(self) -> Network:
        """The network that is measured and saved: the average, or else the student."""
        return self.student if self._average is None else self._average.network

    def _networks(self) -> Iterator[nn.Module]:
        yield self.student.module
        yield self.distiller
        yield from (teacher.module for teacher in self.distiller.setup.teachers)
        if self._average is not None:
            yield self._average.network.module

    def tensors(self) -> list[Tensor]:
        """Return the weights and buffers that a training changes."""
        return [
            t for module in (self.student.module, self.distiller) for t in (*module.parameters(), *module.buffers())
        ]

    def move(self) -> None:
        """Lay out all networks, including those that the distiller has made since."""
        for module in self._networks():
            lay_out(module, self.device, self._memory_format)

    def place(self, patches: Tensor) -> Tensor:
        """Return patches on the device, laid out as the networks are."""
        if self.device.type == "cuda":
            patches = patches.pin_memory()
        return patches.to(self.device, non_blocking=True).contiguous(memory_format=self._memory_format)

    def lay_out_plainly(self, error: RuntimeError) -> bool:
        """Lay everything out channels-first, if ``error`` comes from calling `Tensor.view` on what is channels-last.

        Returns:
            Whether that is the cause, so that the step can be taken again.

        Raises:
            TrainingError: It is, but an earlier step has changed the networks.
        """
        if "view size is not compatible" not in str(error) or self._memory_format != torch.channels_last:
            return False
        if not self.untouched:
            raise TrainingError(
                f"{type(self.distiller).__name__} or a network of its calls Tensor.view on a channels-last tensor; use "
                f"reshape or flatten there. ({error})"
            ) from error
        self._memory_format = torch.contiguous_format
        self.move()
        return True

    def begin_phase(self) -> None:
        """Forget gradients, and let the average start from the current weights."""
        for module in (self.student.module, self.distiller):
            module.zero_grad(set_to_none=True)
        self.student.module.train()  # what the distiller holds stays as it set it: a frozen encoder in eval mode
        if self._average is not None:
            self._average.restart()

    def after_step(self, batch: Batch) -> None:
        """Run the distiller's `Distiller.after_step` and update the average."""
        with torch.no_grad():
            self.distiller.after_step(batch)
        if self._average is not None:
            self._average.update(batch.step)

    def judge(self, quality: float) -> None:
        """Keep the weights if they are to be chosen by their score, and this score is the best so far."""
        if self.chooses and (self.best_quality is None or quality > self.best_quality):
            self.best_quality = quality
            self._best = {name: w.detach().clone() for name, w in self.measured.module.state_dict().items()}

    def finish(self) -> None:
        """Give the student the best or the average's weights, if there are such, and run `Distiller.finish`.

        Raises:
            TrainingError: A weight is not finite.
        """
        if self._best is not None:
            self.student.module.load_state_dict(self._best)
        elif self._average is not None:
            self.student.module.load_state_dict(self._average.network.module.state_dict())
        self.distiller.finish()
        bad = [name for name, w in self.student.module.state_dict().items() if not torch.isfinite(w).all()]
        if bad:
            raise TrainingError(
                f"The trained weights of {self.student.spec.name} are not finite ({bad[0]}); lower the recipe's "
                "learning_rate, set clip, or use precision fp32."
            )

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of the networks."""
        scaler = self.accelerator.scaler
        return {
            "plain_layout": self._memory_format == torch.contiguous_format,
            "student": self.student.module.state_dict(),
            "average": None if self._average is None else self._average.network.module.state_dict(),
            "distiller": self.distiller.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "best": (self.best_quality, self._best),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what a checkpoint kept."""
        if state["plain_layout"] and self._memory_format != torch.contiguous_format:
            self._memory_format = torch.contiguous_format
            self.move()
        self.student.module.load_state_dict(state["student"])
        self.distiller.load_state_dict(state["distiller"])
        if self._average is not None:
            self._average.network.module.load_state_dict(state["average"])
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.best_quality, self._best = state["best"]
        self.untouched = False


class FrozenTeachers:
    """Asserts that teachers are not touched: eval mode, no gradients, weights unchanged since this was made."""

    def __init__(self, teachers: Sequence[Network]) -> None:
        self._teachers = teachers
        for teacher in teachers:
            teacher.module.eval().requires_grad_(requires_grad=False)
        self._versions = self._current_versions()

    def _current_versions(self) -> list[int]:
        modules = [teacher.module for teacher in self._teachers]
        return [tensor._version for module in modules for tensor in (*module.parameters(), *module.buffers())]

    def check(self) -> None:
        """Raise `TrainingError` if a teacher was trained, set to train mode or written to."""
        for teacher in self._teachers:
            parameters = teacher.module.parameters()
            if teacher.module.training or any(p.requires_grad or p.grad is not None for p in parameters):
                raise TrainingError(f"The teacher {teacher.spec.name} was set to training; teachers stay frozen.")
        if self._current_versions() != self._versions:
            raise TrainingError("A teacher's weights were changed during training; teachers stay frozen.")


class Average:
    """A second network whose weights follow the first one's.

    After step t (from 0) the average moves by 1 − min(decay, (1 + t) / (10 + t)) towards the weights, so that the
    start is forgotten soon. Buffers and whole numbers are copied.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = replace(network, module=copy.deepcopy(network.module).requires_grad_(requires_grad=False))
        self._decay = decay
        self._averaged: list[Tensor] = list(self.network.module.parameters())
        self._weights: list[Tensor] = list(network.module.parameters())
        pairs = zip(self.network.module.buffers(), network.module.buffers(), strict=True)
        self._copied = list(pairs)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the weights after ``step``."""
        weights = [w.detach() for w in self._weights]
        torch._foreach_lerp_(self._averaged, weights, 1 - min(self._decay, (1 + step) / (10 + step)))
        for average, buffer in self._copied:
            average.copy_(buffer)

    @torch.no_grad()
    def restart(self) -> None:
        """Set the average to the current weights."""
        for average, weight in zip(self._averaged, self._weights, strict=True):
            average.copy_(weight)
        for average, buffer in self._copied:
            average.copy_(buffer)
