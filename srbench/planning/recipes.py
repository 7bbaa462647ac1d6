"""Find a recipe by the name that a suite gives it."""

from __future__ import annotations

from pathlib import Path

from srbench.errors import ConfigError, UnknownNameError
from srbench.files import shipped_tables
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import Recipe
from srbench.toml import read_table


def find_recipe(name: str, spec: ArchitectureSpec, origin: str) -> Recipe:
    """A recipe by name: "paper" is the architecture's own, others are shipped presets or TOML files.

    Args:
        name: The suite's word for it.
        spec: The architecture to be trained.
        origin: The suite's file; paths are relative to it.
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
                return read_table(path, Recipe)
        raise ConfigError(f"{origin}: the recipe file {name} does not exist.")
    shipped = shipped_tables("recipes")
    if name not in shipped:
        raise UnknownNameError.among("recipe", name, {*shipped, "paper"}, "Or give the path of a TOML file.")
    return read_table(shipped[name], Recipe)
