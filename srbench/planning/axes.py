"""One grid of a suite: the meaning of its names, and the defaults from the suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srbench.catalog.catalog import Catalog
from srbench.deploying.backend import EAGER, Backend, parse_backend
from srbench.errors import ConfigError, UnknownNameError
from srbench.networks.spec import ArchitectureSpec
from srbench.planning.cells import Model
from srbench.planning.recipes import find_recipe
from srbench.planning.suite import Grid, Suite
from srbench.recipe import TrainingRecipe
from srbench.scales import Scale, next_whole
from srbench.tasks.table import task_named, task_of
from srbench.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Named:
    """An architecture as suites name it: ``name`` to train, or ``name.tag`` for published weights."""

    spec: ArchitectureSpec
    tag: str | None

    def scales(self, scale: Scale) -> tuple[Scale, ...]:
        """Return the scales of the weights for ``scale``: all that one network is trained for, or just this one."""
        together = self.spec.multi_scale or (self.spec.any_scale and self.spec.trainable)
        return tuple(sorted(self.spec.scales)) if together else (scale,)

    def published(self, scale: Scale) -> Model:
        """Return the model with the published weights."""
        scales = self.scales(scale)
        return Model(architecture=self.spec.name, source="checkpoint", checkpoint=self.tag, scales=scales)


def find_architecture(catalog: Catalog, name: str) -> Named:
    """Find an architecture, and the tag of its checkpoint if the name has one.

    Raises:
        UnknownNameError: Nothing provides the architecture, or it has no such checkpoint.
    """
    if ":" in name:
        return Named(catalog.networks[name], None)
    base, _, tag = name.partition(".")
    spec = catalog.networks[base]
    if tag and tag not in {c.tag for c in spec.checkpoints}:
        raise UnknownNameError.among(f"checkpoint of {base}", tag, {c.tag for c in spec.checkpoints})
    return Named(spec, tag or None)


@dataclass(frozen=True, slots=True)
class Axes:
    """A grid, the suite that it belongs to, and the catalog that knows its names."""

    suite: Suite
    grid: Grid
    catalog: Catalog
    where: str
    """The grid in messages: "mine.toml, [[grid]] 2"."""

    @property
    def task(self) -> Task:
        """The suite's task."""
        return task_named(self.suite.task)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The grid's metrics, or the suite's."""
        return self.grid.metrics or self.suite.metrics

    @property
    def backends(self) -> tuple[Backend | None, ...]:
        """What runs the networks; None for their modules as they are."""
        grid = self.grid
        if grid.backends and grid.precision != "fp32":
            raise ConfigError(f"{self.where}: backends and precision are both given; put the precision into backends.")
        if grid.backends and not self.task.has_backends:
            raise ConfigError(f"{self.where}: backends run networks for super-resolution only; leave them out.")
        if self.task.has_backends and grid.precision != "fp32":
            return (Backend(EAGER.runtime, grid.precision),)
        return tuple(parse_backend(name, tuple(self.catalog.runtimes)) for name in grid.backends) or (None,)

    @property
    def recipe_name(self) -> str:
        """The grid's recipe, or the suite's."""
        return self.grid.recipe or self.suite.recipe

    def architecture(self, name: str) -> Named:
        """See `find_architecture`."""
        return find_architecture(self.catalog, name)

    def recipe(self, name: str, spec: ArchitectureSpec) -> TrainingRecipe:
        """Find a recipe, whose datasets and losses are known; see `find_recipe`."""
        recipe = find_recipe(name, spec, self.suite.origin)
        for dataset in recipe.read_sets:
            task_of(spec).check_dataset(self.catalog.datasets[dataset], f"{self.where}: recipe {recipe.name}")
        self.catalog.losses.require(recipe.losses)
        if foreign := [loss for loss in recipe.losses if self.catalog.losses[loss].task != spec.task]:
            raise ConfigError(
                f"{self.where}: the recipe {recipe.name} names the loss {foreign[0]}, which is for another task than "
                f"that of {spec.name} ({spec.task}); choose another."
            )
        if recipe.on_points and not spec.points:
            raise ConfigError(
                f"{self.where}: the recipe {recipe.name} trains on points of patches, and {spec.name} computes whole "
                "images only; give it another recipe, or choose a network for every scale, such as liif:edsr_baseline."
            )
        return recipe

    def files(self, names: Sequence[str]) -> tuple[Path, ...]:
        """Return the paths of files, which are relative to the current folder or to the suite."""
        beside = Path(self.suite.origin).parent
        return tuple(
            beside / name if not Path(name).is_file() and (beside / name).is_file() else Path(name) for name in names
        )

    def realisations(self, degradation: str) -> Sequence[int | None]:
        """Return the numbers of the measured realisations; None if there is only one.

        Raises:
            ConfigError: Several are wanted of a deterministic degradation.
        """
        spec = self.catalog.degradations[degradation]
        count = self.grid.realisations or spec.realisations
        if count > 1 and not spec.stochastic:
            raise ConfigError(
                f"{self.where}: {count} realisations of {degradation} would all be the same, since it is not random; "
                "remove them, or give random degradations a separate grid."
            )
        return range(count) if count > 1 else (None,)

    def network_scale(self, spec: ArchitectureSpec, scale: Scale) -> Scale | None:
        """Return the scale at which a network is applied to be measured at ``scale``; None if it is left out there.

        Whole scales that it lacks are left out, unless the grid resizes the result of a larger one.

        Raises:
            ConfigError: It has no such real scale, and the grid does not resize the result of a larger one.
        """
        if spec.has_scale(scale):
            return scale
        larger = [own for own in spec.scales if isinstance(own, int) and own >= next_whole(scale)]
        if isinstance(scale, int):
            return min(larger, default=None) if self.grid.resize else None
        own = ", ".join(map(str, sorted(spec.scales)))
        if not self.grid.resize:
            raise ConfigError(
                f"{self.where}: {spec.name} has no scale {scale}; it has {own}. Name a network for any scale, or add "
                "resize = true (--resize), which measures it at its next larger scale and reduces the result."
            )
        if larger:
            return min(larger)
        raise ConfigError(f"{self.where}: {spec.name} has no scale from {scale} up; it has {own}.")

    def check_degradation(self, name: str, spec: ArchitectureSpec, scale: Scale) -> None:
        """Refuse a degradation that cannot be made at ``scale``, or does not give ``spec`` what it needs.

        Raises:
            ConfigError: See above.
        """
        degradation = self.catalog.degradations[name]
        if spec.conditions and degradation.describe is None:
            raise ConfigError(
                f"{self.where}: {spec.name} takes the degradation of an image as conditions, which {name} does not "
                "describe; give it a separate grid."
            )
        if not degradation.has_scale(scale):
            raise ConfigError(
                f"{self.where}: the degradation {name} has no scale {scale}; it has {degradation.scales_title}."
            )
