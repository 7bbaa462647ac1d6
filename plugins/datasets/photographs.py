"""The photographs in the scikit-image wheel: real, lossless images without a download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import srbench


def locate(names: tuple[str, ...]) -> Mapping[str, Path]:
    """Find the files without importing scikit-image.

    Args:
        names: Image names.

    Returns:
        Paths of the images that the installed version of scikit-image has, by name.
    """
    package = find_spec("skimage")
    folders = [Path(folder) / "data" for folder in (package.submodule_search_locations or ())] if package else []
    paths = {name: folder / f"{name}.png" for folder in folders for name in names}
    return {name: path for name, path in paths.items() if path.is_file()}


@srbench.hookimpl
def register_datasets() -> list[srbench.DatasetSpec]:
    """Provide the test set, the training set, and the two parts into which searches split it."""
    return [
        replace(spec, locate=partial(locate, tuple(entry.name for entry in spec.entries)))
        for spec in srbench.read_manifest()
        if spec.name.startswith("photographs")
    ]
