"""A finite pool of batches that are used again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from srbench.naming import Scale
from srbench.training.patches.source import PatchSource


class Pool:
    """Another source's first batches, over and over."""

    def __init__(self, source: PatchSource, size: int) -> None:
        """Repeat ``size`` batches of ``source``, each with its scale, its degradation and whatever else it drew."""
        self._source, self._size = source, size

    @property
    def batch(self) -> int:
        """Patches a step."""
        return self._source.batch

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know about the data, in sentences."""
        return self._source.notes

    def sample(self, step: int, draw: int = 0) -> tuple[Tensor, Tensor, Scale]:
        """The patches of one step; see `PatchSource.sample`."""
        return self._source.sample(step % self._size, draw)

    def conditions(self, step: int, draw: int = 0) -> Sequence[Mapping[str, float]]:
        """Describe what was done to each patch of one step; see `PatchSource.conditions`."""
        return self._source.conditions(step % self._size, draw)

    def held_out(self) -> Mapping[Scale, tuple[Tensor, Tensor]]:
        """Fixed patches that are never trained on; see `PatchSource.held_out`."""
        return self._source.held_out()
