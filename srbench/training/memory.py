"""Teachers that remember their outputs on a finite pool of batches.

Random patches never come twice, so a teacher's output on them cannot be kept. Cutting it from the teacher's output on
whole images would give other numbers, since a network's view ends at the border of a patch, and at other places after
flips and turns. A recipe's ``pool`` repeats batches exactly, so an output that was computed once is kept, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srbench.networks.network import Network
from srbench.networks.wanted import Wanted

MAX_BYTES = 2**30
"""Most bytes of outputs that are kept; the others are computed again."""


Place = tuple[int, int, int]
"""Phase, batch of the pool, draw."""


class TeacherMemory:
    """The outputs of teachers on the batches of a pool."""

    def __init__(self, size: int, limit: int = MAX_BYTES) -> None:
        """Remember the outputs on ``size`` batches of each phase, at most ``limit`` bytes of them."""
        self._size, self._room = size, limit
        self._shown: list[tuple[Tensor, Place]] = []
        self._outputs: dict[tuple[int, Place, Wanted], Tensor] = {}

    def show(self, lr: Tensor, phase: int, step: int, draw: int) -> None:
        """Note the patches that a step is about to see, and forget those of the step before."""
        if draw == 0:
            self._shown.clear()
        self._shown.append((lr, (phase, step % self._size, draw)))

    def place_of(self, lr: Tensor) -> Place | None:
        """Find which batch this very tensor is; None for anything computed from one."""
        return next((place for shown, place in self._shown if shown is lr), None)

    def recall(self, teacher: int, place: Place, scale: Wanted) -> Tensor | None:
        """Return a copy of a teacher's output on a batch at a scale, which need not be the batch's."""
        known = self._outputs.get((teacher, place, scale))
        return None if known is None else known.clone()

    def keep(self, teacher: int, place: Place, scale: Wanted, output: Tensor) -> None:
        """Keep a copy of an output, if there is room."""
        if output.nbytes <= self._room:
            self._room -= output.nbytes
            self._outputs[teacher, place, scale] = output.clone()


@dataclass(frozen=True, slots=True, eq=False)
class RememberingTeacher(Network):
    """A frozen teacher that computes its output on each batch of a pool once.

    It computes again for anything but a batch as it was drawn (a view of it, noise on it), for other weights, under
    gradients, and if hooks inside it record features.
    """

    memory: TeacherMemory
    number: int
    """Number of the teacher."""

    def __call__(
        self, lr: Tensor, scale: Wanted, weights: Mapping[str, Tensor] | None = None, conditions: Tensor | None = None
    ) -> Tensor:
        """Super-resolve; see `Network`."""
        place = self.memory.place_of(lr)
        given = weights is not None or conditions is not None
        if place is None or given or torch.is_grad_enabled() or _watched(self.module):
            return Network.__call__(self, lr, scale, weights, conditions)
        sr = self.memory.recall(self.number, place, scale)
        if sr is None:
            sr = Network.__call__(self, lr, scale)
            self.memory.keep(self.number, place, scale, sr)
        return sr


def _watched(module: nn.Module) -> bool:
    """Return whether hooks record features; one hook on the network itself counts its forward passes."""
    if module._forward_hooks or len(module._forward_pre_hooks) > 1:
        return True
    return any(part._forward_hooks or part._forward_pre_hooks for part in module.modules() if part is not module)
