"""A training for super-resolution: patches of lr and hr, cut from whole images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from srbench.degrading.spec import DegradationSpec
from srbench.distilling.distiller import Phase
from srbench.errors import DataError
from srbench.networks.network import Network, build_network
from srbench.recipe import Recipe
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.build import source_for
from srbench.training.patches.images import TrainingImages
from srbench.training.patches.points import scales_in
from srbench.training.patches.source import PatchSource
from srbench.training.train_model import Training
from srbench.training.validation import OBJECTIVE, PSNR, Validation


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchTraining(Training):
    """Everything that decides the weights of one training on patches."""

    recipe: Recipe
    images: Mapping[str, Mapping[str, Path]]
    """Dataset name to image name to file; at least the sets that recipe and phases name."""
    find_degradation: Callable[[str], DegradationSpec]
    """Finds the degradations that phases name."""

    @property
    def validation(self) -> Validation:
        """The PSNR of sr, or the objective of a student whose sr is drawn."""
        return OBJECTIVE if self.spec.samplers else PSNR

    def network(self) -> Network:
        """Build the student at the first of its scales."""
        return build_network(self.spec, self.scales[0])

    def sources(self, cache: Path) -> _Sources:
        """Return where each phase gets its patches; see `Training.sources`."""
        return _Sources(self, cache)

    @property
    def pool(self) -> int:
        """The pool of the recipe."""
        return self.recipe.pool


class _Sources:
    """Finds the patches of each phase; every training set is decoded once."""

    def __init__(self, training: PatchTraining, cache: Path) -> None:
        self._training, self._cache = training, cache
        self._decoded: dict[str, TrainingImages] = {}

    def __call__(self, index: int, phase: Phase, length: int) -> PatchSource:
        training = self._training
        sets = [self._images(name, phase) for name in phase.datasets or training.recipe.datasets]
        other = phase.degradation
        degradation = training.find_degradation(other) if other else training.degradation
        within = training.recipe.scale_range
        scales = training.scales if within is None else scales_in(*within)
        images = AlignedImages(sets, scales, degradation, luma=training.spec.channels == "y")
        return source_for(training.recipe, phase, images, index=index, length=length, seed=training.seed)

    def _images(self, name: str, phase: Phase) -> TrainingImages:
        if name not in self._training.images:
            raise DataError(f"The training set {name!r} of phase {phase.name!r} is not here; add it to the recipe.")
        if name not in self._decoded:
            self._decoded[name] = TrainingImages(self._cache, self._training.images[name])
        return self._decoded[name]
