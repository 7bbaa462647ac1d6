"""Record a folder of images as a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit

from srbench.datasets.image_facts import image_facts
from srbench.datasets.layouts import search
from srbench.datasets.manifest import read_manifest
from srbench.datasets.spec import DatasetSpec, ImageEntry
from srbench.errors import DataError, UsageError
from srbench.files import atomic_write, locked
from srbench.imaging.folders import list_folder
from srbench.naming import NAME
from srbench.toml import read_toml


def describe_folder(
    name: str,
    folder: Path,
    *,
    split: str = "test",
    licence: str = "unknown",
    citation: str = "unknown",
    truth: bool = True,
    lr_suffix: str = "",
) -> DatasetSpec:
    """Measure and hash the images of a folder.

    Args:
        name: Name of the dataset, in lower_snake_case.
        folder: Folder of its images, in any layout of `srbench.datasets.layouts`.
        split: "train" or "test".
        licence: SPDX id, or a few words.
        citation: What to cite.
        truth: Whether they are hr; False for lr from the world.
        lr_suffix: A further ending of its LR names.

    Raises:
        UsageError: The name or the split is not valid.
        DataError: There are no images, or one of them cannot be read.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"The dataset name {name!r} is not lower_snake_case ASCII; choose another, such as 'my_set'.")
    if split not in {"train", "test"}:
        raise UsageError(f"The split {split!r} is neither 'train' nor 'test'; give one of them.")
    files = search([folder], truth=truth, stated=lr_suffix) if folder.is_dir() else None
    if files is None or not files.hr:
        if folder.is_dir() and list_folder(folder).images:
            raise DataError(f"Every image in {folder} is LR by its name; add the HR, or give --unpaired without one.")
        raise DataError(f"There are no images in {folder}; give the folder that holds them, or their HR folder.")
    facts, broken = image_facts(files.hr.values())
    for text in broken.values():
        raise DataError(text)
    entries = [(image, facts[path]) for image, path in files.hr.items()]
    return DatasetSpec(
        name=name,
        label=name,
        split="train" if split == "train" else "test",
        images=len(entries),
        license=licence,
        citation=citation,
        folders=(str(folder.resolve()),),
        truth=truth,
        lr_suffix=lr_suffix,
        grey=tuple(image for image, found in entries if found.channels == 1),
        entries=tuple(
            ImageEntry(name=image, height=found.height, width=found.width, sha256=found.sha256)
            for image, found in entries
        ),
    )


def record(path: Path, spec: DatasetSpec, taken: Sequence[str] = ()) -> None:
    """Append a dataset to a manifest; the rest of the file stays unchanged.

    Args:
        path: The manifest; made if it does not exist.
        spec: The dataset; its entries are written one a line.
        taken: Names that other manifests use.

    Raises:
        UsageError: The name is taken.
        ConfigError: The manifest that is there cannot be understood.
    """
    with locked(path.with_name(f".{path.name}.lock")):  # two may be added at once
        _append(path, spec, taken)


def _append(path: Path, spec: DatasetSpec, taken: Sequence[str]) -> None:
    known = {s.name for s in read_manifest(path)} if path.exists() else set()
    if spec.name in known or spec.name in taken:
        where = path if spec.name in known else "another manifest"
        raise UsageError(f"A dataset named {spec.name!r} is already in {where}; choose another name.")
    document = tomlkit.parse(read_toml(path).text) if path.exists() else tomlkit.document()
    table = tomlkit.table()
    table.update(
        {
            "label": spec.label,
            "split": spec.split,
            "images": spec.images if spec.images is not None else "unknown",
            "license": spec.license,
            "citation": spec.citation,
        }
    )
    if not spec.truth:
        table.add("truth", value=False)
    for key in ("home", "folders", "lr_suffix", "grey", "notes"):
        value: Any = getattr(spec, key)
        if value:
            table.add(key, list(value) if isinstance(value, tuple) else value)
    rows = tomlkit.array()
    for entry in spec.entries:
        rows.add_line([entry.name, entry.height, entry.width, entry.sha256 or "unknown"])
    rows.add_line(indent="")
    table.add("entries", rows)
    document.add(spec.name, table)
    atomic_write(path, tomlkit.dumps(document))
