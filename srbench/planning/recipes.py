"""Recipes: presets that come with srbench, TOML files, and the recipes of papers."""

from __future__ import annotations

from pathlib import Path

from srbench.errors import ConfigError, UnknownNameError
from srbench.files import shipped_tables
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import TrainingRecipe
from srbench.tasks.table import TASKS, task_of
from srbench.toml import read_table

_HINT = "Or give the path of a TOML file."


def find_recipe(name: str, spec: ArchitectureSpec, origin: str) -> TrainingRecipe:
    """Find a recipe by name: "paper" is the architecture's own, others are shipped presets or TOML files.

    Args:
        name: The name in the suite.
        spec: The architecture to be trained.
        origin: The suite's file; paths may be relative to it.

    Raises:
        ConfigError: The architecture has none, or the file is absent or cannot be understood.
        UnknownNameError: There is no such preset.
    """
    if name == "paper":
        if spec.recipe is None:
            raise ConfigError(
                f"Architecture {spec.name} declares no recipe of its paper; name another, such as 'quick'."
            )
        return spec.recipe
    if name.endswith(".toml"):
        for path in (Path(name), Path(origin).parent / name):
            if path.is_file():
                return read_table(path, task_of(spec).recipe)
        raise ConfigError(f"{origin}: the recipe file {name} does not exist.")
    shipped = shipped_tables("recipes")
    if name not in shipped:
        raise UnknownNameError.among("recipe", name, {*shipped, "paper"}, _HINT)
    return read_table(shipped[name], task_of(spec).recipe)


def recipe_named(name_or_path: str) -> TrainingRecipe:
    """Read a shipped preset or a TOML file, of whichever task its keys are.

    Raises:
        ConfigError: The file cannot be understood; says what the first task would expect.
        UnknownNameError: There is no such preset or file.
    """
    shipped, path = shipped_tables("recipes"), Path(name_or_path)
    if not path.is_file():
        if name_or_path not in shipped:
            raise UnknownNameError.among("recipe", name_or_path, shipped, _HINT)
        path = shipped[name_or_path]
    faults = []
    for task in TASKS.values():
        try:
            return read_table(path, task.recipe)
        except ConfigError as fault:
            faults.append(fault)
    raise faults[0]
