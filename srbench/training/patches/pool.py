"""A finite pool of batches that are used again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from srbench.naming import Scale
from srbench.training.patches.source import DerivedSource, PatchSource


class Pool(DerivedSource):
    """Repeats the first batches of another source."""

    def __init__(self, source: PatchSource, size: int) -> None:
        """Repeat ``size`` batches of ``source``, each with its scale, its degradation and everything else it drew."""
        super().__init__(source)
        self._size = size

    def sample(self, step: int, draw: int = 0) -> tuple[Tensor, Tensor, Scale]:
        """Return the patches of one step; see `PatchSource.sample`."""
        return super().sample(step % self._size, draw)

    def conditions(self, step: int, draw: int = 0) -> Sequence[Mapping[str, float]]:
        """Describe what was done to each patch of one step; see `PatchSource.conditions`."""
        return super().conditions(step % self._size, draw)
