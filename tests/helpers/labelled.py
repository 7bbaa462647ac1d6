"""Small labelled datasets, made up in a folder."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from srbench.datasets.library import Library
from srbench.datasets.manifest import read_manifest

HEAD = """
[{name}]
label = "{name}"
split = "test"
images = "unknown"
license = "CC0-1.0"
citation = "nobody"
folders = ["farm"]
[{name}.labels]
"""


def draw(*paths: Path, side: int = 8) -> None:
    """Write images, grey and other for each name, into folders that are made."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(zlib.crc32("/".join(path.parts[-2:]).encode())).integers(0, 256, (side, side))
        Image.fromarray(pixels.astype(np.uint8)).save(path)


def write(path: Path, *lines: str) -> None:
    """Write a text file, a line for each argument."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def library_of(root: Path, **labels: str) -> tuple[Library, dict]:
    """Return a library of datasets in ``root / "farm"``, and their specs.

    Args:
        root: The data root; the manifest is written into it.
        labels: The lines of the table ``labels`` by the name of the dataset.
    """
    manifest = root / "sets.toml"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text("".join(HEAD.format(name=name) + text for name, text in labels.items()), encoding="utf-8")
    specs = {spec.name: spec for spec in read_manifest(manifest)}
    return Library(root, specs), specs


def read(root: Path, labels: str):
    """Read the labelled set in ``root / "farm"``, described by the lines of its table ``labels``."""
    library, specs = library_of(root, farm=labels)
    return library.labelled(specs["farm"])
