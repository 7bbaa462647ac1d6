"""A finite pool of batches, gone through again and again, and teachers that remember what they made of them.

Random patches never come twice, so a teacher's output on them cannot be kept; and cut from its output on whole images
it would be another one, since a network's view ends at the patch's border, and at other places after flips and turns.
A recipe's ``pool`` makes batches come again as they were. Then an output that was computed once is the output, bit for
bit, and is not computed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srbench.naming import Scale
from srbench.networks.network import Network

LIMIT = 2**30
"""Bytes of outputs that are kept; beyond, they are computed anew."""


Place = tuple[int, int, int]
"""Phase, batch of the pool, draw."""


class TeacherMemory:
    """What teachers made of the batches of a pool."""

    def __init__(self, size: int, limit: int = LIMIT) -> None:
        """Remember the outputs on ``size`` batches of each phase, at most ``limit`` bytes of them."""
        self._size, self._room = size, limit
        self._shown: list[tuple[Tensor, Place]] = []
        self._outputs: dict[tuple[int, Place, Scale], Tensor] = {}

    def show(self, lr: Tensor, phase: int, step: int, draw: int) -> None:
        """The patches that a step is about to see; those of the step before are forgotten."""
        if draw == 0:
            self._shown.clear()
        self._shown.append((lr, (phase, step % self._size, draw)))

    def place_of(self, lr: Tensor) -> Place | None:
        """Which batch this very tensor is; None for anything made of one."""
        return next((place for shown, place in self._shown if shown is lr), None)

    def recall(self, teacher: int, place: Place, scale: Scale) -> Tensor | None:
        """A copy of what a teacher made of a batch at a scale, which need not be the batch's."""
        known = self._outputs.get((teacher, place, scale))
        return None if known is None else known.clone()

    def keep(self, teacher: int, place: Place, scale: Scale, output: Tensor) -> None:
        """Keep a copy, if there is room."""
        if output.nbytes <= self._room:
            self._room -= output.nbytes
            self._outputs[teacher, place, scale] = output.clone()


@dataclass(frozen=True, slots=True, eq=False)
class RememberingTeacher(Network):
    """A frozen teacher that looks at each batch of a pool once.

    It computes as ever what is not a batch as it was drawn (views of it, noise on it), what is to be differentiated or
    given other weights, and whatever hooks inside it wait for.
    """

    memory: TeacherMemory
    number: int
    """Which teacher it is."""

    def __call__(
        self,
        lr: Tensor,
        scale: Scale,
        weights: Mapping[str, Tensor] | None = None,
        conditions: Tensor | None = None,
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
    """Whether anybody waits for features; one hook on the network itself counts its forward passes."""
    if module._forward_hooks or len(module._forward_pre_hooks) > 1:
        return True
    return any(part._forward_hooks or part._forward_pre_hooks for part in module.modules() if part is not module)
