"""The chain of patch sources that a recipe asks for: patches that grow, that are changed, and that come again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from srbench.distilling.distiller import Phase
from srbench.recipe import Recipe
from srbench.scales import Scale, hr_side
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.augmentation import Augmented
from srbench.training.patches.cutting import Patches
from srbench.training.patches.points import PointPatches
from srbench.training.patches.source import DerivedSource, PatchSource


def source_for(
    recipe: Recipe, phase: Phase, images: AlignedImages, *, index: int, length: int, seed: int
) -> PatchSource:
    """Build the source of the patches of a phase: number ``index``, with ``length`` steps.

    Raises:
        DataError: No image is large enough for a patch.
    """

    def sides(patch: int) -> dict[Scale, int]:
        return {scale: phase.patch or recipe.lr_side(patch, scale) for scale in images.scales}

    largest = max([recipe.patch, *(patch for _, patch, _ in recipe.progressive)])
    reserve = max(hr_side(side, scale) for scale, side in sides(largest).items())

    def cut(patch: int, batch: int) -> Patches:
        if recipe.scale_range is not None and recipe.points is not None:
            return PointPatches(
                images, scale_range=recipe.scale_range, points=recipe.points, patch=phase.patch or patch,
                batch=phase.batch or batch, augment=recipe.augment, seed=seed, phase=index,
            )  # fmt: skip
        return Patches(
            images, sides=sides(patch), batch=phase.batch or batch, augment=recipe.augment,
            seed=seed, phase=index, reserve=reserve,
        )  # fmt: skip

    source: PatchSource
    source = Progressive(recipe, length, cut) if recipe.progressive else cut(recipe.patch, recipe.batch)
    if recipe.permute_colours or recipe.mixup:
        source = Augmented(source, recipe, seed, index)
    return Pool(source, recipe.pool) if recipe.pool else source


class Progressive(DerivedSource):
    """Changes the side and number of patches as a phase goes on; those of the first stage are held out."""

    def __init__(self, recipe: Recipe, length: int, cut: Callable[[int, int], PatchSource]) -> None:
        """Stretch the recipe's stages over ``length`` steps; ``cut(patch, batch)`` makes the source of each."""
        steps = [0, *(step for step, _, _ in recipe.progressive)]
        sizes = [recipe.patches_at(step) for step in steps]
        made = {size: cut(*size) for size in dict.fromkeys(sizes)}
        super().__init__(made[sizes[0]])
        self._starts = [-(-step * length // recipe.steps) for step in steps]
        self._sources = [made[size] for size in sizes]
        self._largest = made[max(made)]

    @property
    def notes(self) -> Sequence[str]:
        """The notes on the largest patches, which fit the fewest images."""
        return self._largest.notes

    def _at(self, step: int) -> tuple[PatchSource, int]:
        return self._sources[bisect_right(self._starts, step) - 1], step


class Pool(DerivedSource):
    """Repeats the first ``size`` batches of another source, each with its scale and everything that it drew."""

    def __init__(self, source: PatchSource, size: int) -> None:
        super().__init__(source)
        self._size = size

    def _at(self, step: int) -> tuple[PatchSource, int]:
        return self._source, step % self._size
