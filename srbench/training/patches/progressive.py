"""Progressive training: patches whose side and number change as it goes on, still a pure function of the step."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from srbench.naming import Scale
from srbench.recipe import Recipe
from srbench.training.patches.source import PatchSource


class Progressive:
    """Takes the patches of each stage of a recipe from another source; those of the first are held out."""

    def __init__(self, recipe: Recipe, length: int, cut: Callable[[int, int], PatchSource]) -> None:
        """Make the sources.

        Args:
            recipe: Names the stages.
            length: Steps of the phase, over which the recipe's stages are stretched.
            cut: ``cut(patch, batch)`` gives a source of such patches.
        """
        steps = [0, *(step for step, _, _ in recipe.progressive)]
        sizes = [recipe.patches_at(step) for step in steps]
        made = {size: cut(*size) for size in dict.fromkeys(sizes)}
        self._starts = [-(-step * length // recipe.steps) for step in steps]
        self._sources = [made[size] for size in sizes]
        self.notes: Sequence[str] = made[max(made)].notes  # the largest patches fit the fewest images

    @property
    def batch(self) -> int:
        """Patches a step of the first stage."""
        return self._sources[0].batch

    def sample(self, step: int, draw: int = 0) -> tuple[Tensor, Tensor, Scale]:
        """Return the patches of one step; see `PatchSource.sample`."""
        return self._sources[bisect_right(self._starts, step) - 1].sample(step, draw)

    def conditions(self, step: int, draw: int = 0) -> Sequence[Mapping[str, float]]:
        """Describe what was done to each patch of one step; see `PatchSource.conditions`."""
        return self._sources[bisect_right(self._starts, step) - 1].conditions(step, draw)

    def held_out(self) -> Mapping[Scale, tuple[Tensor, Tensor]]:
        """Return patches that are never trained on; see `PatchSource.held_out`."""
        return self._sources[0].held_out()
