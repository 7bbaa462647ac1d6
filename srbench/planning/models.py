"""The models that a grid asks for, with their teachers and the weights that they start from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from srbench.errors import ConfigError
from srbench.planning.applying import way_of
from srbench.planning.axes import Axes, Named
from srbench.planning.cells import Model
from srbench.scales import Scale
from srbench.tasks.table import task_of


def models_of(axes: Axes, named: Named, degradation: str, scale: Scale, distiller: str) -> Iterator[Model]:
    """Yield the models of an architecture that are measured at ``scale`` under ``degradation``.

    Weights that are not trained here are yielded once, with the first of the grid's distillers.

    Args:
        axes: The grid.
        named: The architecture, which has the scale.
        degradation: The degradation of the measurement, and of training unless the grid names another.
        scale: The factor.
        distiller: One of the grid's distillers.

    Raises:
        ConfigError: The distiller has no teacher, or a teacher or the starting weights lack the scale.
        UnknownNameError: A recipe, or what it names, is unknown.
    """
    spec, grid = named.spec, axes.grid
    first = distiller == grid.distillers[0]
    if spec.parts:
        if first:
            yield from _composed(axes, named, degradation, scale)
    elif not spec.trainable:
        if first:
            yield Model(architecture=spec.name, source="fixed", scales=named.scales(scale))
    elif named.tag is not None:
        if first and spec.published(named.tag, (scale,)):
            yield named.published(scale)
    elif grid.weights:
        files = axes.files(grid.weights)
        yield Model(architecture=spec.name, source="file", files=files, scales=named.scales(scale))
    else:
        yield from _trained(axes, named, degradation, scale, distiller)


def _trained(axes: Axes, named: Named, degradation: str, scale: Scale, distiller: str) -> Iterator[Model]:
    grid, spec = axes.grid, named.spec
    recipe = axes.recipe(axes.recipe_name, spec)
    for trained_on, seed in itertools.product(grid.trained_on or (degradation,), grid.seeds or axes.suite.seeds):
        axes.check_degradation(trained_on, spec, scale)
        student = Model(
            architecture=spec.name, source="trained", scales=named.scales(scale), recipe=recipe,
            degradation=trained_on, seed=seed,
        )  # fmt: skip
        student = replace(student, initial=_start(axes, student))
        budget = "steps" if distiller == "none" else grid.budget
        yield replace(_taught(axes, student, distiller, scale), budget=budget)


def _taught(axes: Axes, student: Model, distiller: str, scale: Scale) -> Model:
    """Return a model that is trained by a distiller, with the grid's teachers if that needs any."""
    method, names = axes.catalog.distillers[distiller], axes.grid.taught_by
    if student.recipe is not None and student.recipe.on_points and not method.points:
        raise ConfigError(
            f"{axes.where}: the distiller {distiller} compares whole patches, and the recipe {student.recipe.name} "
            "trains on points of them; choose another distiller, such as none or logits, or another recipe."
        )
    if axes.catalog.networks[student.architecture].samplers and not method.objectives:
        raise ConfigError(
            f"{axes.where}: the distiller {distiller} compares sr, and {student.architecture} is trained by an "
            "objective of its own; choose another distiller, such as none."
        )
    if not method.needs_teacher:
        return replace(student, distiller=distiller)
    if not names:
        raise ConfigError(f'{axes.where}: the distiller {distiller} needs a teacher; add teacher = "…" to the grid.')
    used = names if method.several_teachers else names[:1]
    return replace(student, distiller=distiller, teachers=tuple(_teacher(axes, name, student, scale) for name in used))


def _composed(axes: Axes, named: Named, degradation: str, scale: Scale) -> Iterator[Model]:
    """Yield the models of a composed network, one for each seed of the parts that are trained."""
    grid = axes.grid
    recipe = axes.recipe(axes.recipe_name, named.spec)
    for trained_on, seed in itertools.product(grid.trained_on or (degradation,), grid.seeds or axes.suite.seeds):
        parts = tuple(_part(axes, name, trained_on, scale, seed) for name in named.spec.parts)
        yield Model(
            architecture=named.spec.name, source="composed", scales=(scale,), parts=parts, recipe=recipe,
            degradation=trained_on, seed=seed,
        )  # fmt: skip


def _part(axes: Axes, part: str, degradation: str, scale: Scale, seed: int) -> Model:
    """Return a part of a composed network: published, fixed or trained, by its own task and ``NAME@DISTILLER``."""
    name, _, wanted = part.partition("@")
    named = axes.architecture(name)
    spec, task = named.spec, task_of(named.spec)
    scale = task.helper_scale(scale)
    scales = named.scales(scale)
    if not spec.has_scale(scale):
        raise ConfigError(
            f"{axes.where}: {spec.name} is part of a composed network and has no scale {scale}; it has "
            f"{sorted(spec.scales)}."
        )
    if spec.parts:
        raise ConfigError(
            f"{axes.where}: {name} is composed of other networks and cannot be part of another one; name its parts."
        )
    if wanted and (named.tag or not spec.trainable):
        raise ConfigError(f"{axes.where}: {name} is not trained here, so nothing can train it; drop @{wanted}.")
    if not spec.trainable:
        return Model(architecture=spec.name, source="fixed", scales=scales)
    if named.tag:
        return named.published(scale)
    distiller = wanted or "none"
    if spec.task not in axes.catalog.distillers[distiller].tasks:
        raise ConfigError(
            f"{axes.where}: the distiller {distiller} does not train {name}, whose task is {spec.task}; name another "
            "after the @."
        )
    own = axes.recipe_name if task is axes.task else axes.grid.part_recipe or task.default_recipe
    axes.check_degradation(degradation, spec, scale)
    model = Model(
        architecture=spec.name, source="trained", scales=scales, degradation=degradation, seed=seed,
        recipe=axes.recipe(own, spec),
    )  # fmt: skip
    return _taught(axes, replace(model, initial=_start(axes, model)), distiller, scale)


def _teacher(axes: Axes, name: str, student: Model, scale: Scale) -> Model:
    named, grid = axes.architecture(name), axes.grid
    scale = task_of(named.spec).helper_scale(scale)
    spec, scales = named.spec, named.scales(scale)
    if way := way_of(spec):
        raise ConfigError(f"{axes.where}: {spec.name} {way}, so it cannot teach; name another teacher.")
    if not spec.has_scale(scale):
        raise ConfigError(
            f"{axes.suite.origin}: the teacher {spec.name} has no scale {scale}; it has {sorted(spec.scales)}."
        )
    if named.tag:
        return named.published(scale)
    if grid.teacher_weights:
        files = axes.files(grid.teacher_weights)
        return Model(architecture=spec.name, source="file", files=files, scales=scales)
    return Model(
        architecture=spec.name, source="trained", scales=scales, degradation=student.degradation, seed=student.seed,
        recipe=axes.recipe(grid.teacher_recipe or axes.recipe_name, spec),
    )  # fmt: skip


def _start(axes: Axes, model: Model, after: tuple[str, ...] = ()) -> Model | None:
    """Return the model whose weights a training starts from, if its recipe names one.

    Args:
        axes: The grid.
        model: The model to be trained.
        after: The architectures that start from ``model``, to detect a circle.
    """
    recipe = model.recipe
    if recipe is None:
        return None
    scale, name = recipe.start_from_scale or model.scales[0], recipe.start_from
    if name in (None, model.architecture):  # a recipe may name an architecture that also uses it, and has no start
        alone = scale == model.scales[0] or len(model.scales) > 1
        return None if alone else replace(model, scales=(scale,))
    named = axes.architecture(str(name))
    spec = named.spec
    where = f"{axes.suite.origin}: the recipe {recipe.name} of {model.architecture} starts from {name}"
    if not spec.has_scale(scale):
        raise ConfigError(f"{where}, which has no scale {scale}; it has {sorted(spec.scales)}.")
    if spec.name in after:
        raise ConfigError(f"{where}, which starts from {model.architecture} in turn; give one of them another recipe.")
    if named.tag:
        return named.published(scale)
    own = axes.recipe(axes.recipe_name, spec)
    other = replace(model, architecture=spec.name, scales=named.scales(scale), recipe=own)
    return replace(other, initial=_start(axes, other, (*after, model.architecture)))
