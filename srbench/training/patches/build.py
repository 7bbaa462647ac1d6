"""The chain of patch sources that a recipe asks for."""

from __future__ import annotations

from srbench.distilling.distiller import Phase
from srbench.recipe import Recipe
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.augmentation import Augmented
from srbench.training.patches.cutting import Patches
from srbench.training.patches.pool import Pool
from srbench.training.patches.progressive import Progressive
from srbench.training.patches.source import PatchSource


def source_for(
    recipe: Recipe, phase: Phase, images: AlignedImages, *, index: int, length: int, seed: int
) -> PatchSource:
    """Build the source of one phase's patches.

    Args:
        recipe: Says how patches are cut, grow, are changed and come again.
        phase: May have patches and batches of its own size.
        images: Where patches are cut.
        index: Number of the phase, so that phases see different patches.
        length: Steps of the phase.
        seed: Of the run.

    Raises:
        DataError: No image is large enough for a patch.
    """

    def sides(patch: int) -> dict[int, int]:
        return {scale: phase.patch or recipe.lr_side(patch, scale) for scale in images.scales}

    largest = max([recipe.patch, *(patch for _, patch, _ in recipe.progressive)])
    reserve = max(scale * side for scale, side in sides(largest).items())

    def cut(patch: int, batch: int) -> Patches:
        return Patches(
            images, sides=sides(patch), batch=phase.batch or batch, augment=recipe.augment,
            seed=seed, phase=index, reserve=reserve,
        )  # fmt: skip

    source: PatchSource
    source = Progressive(recipe, length, cut) if recipe.progressive else cut(recipe.patch, recipe.batch)
    if recipe.permute_colours or recipe.mixup:
        source = Augmented(source, recipe, seed, index)
    return Pool(source, recipe.pool) if recipe.pool else source
