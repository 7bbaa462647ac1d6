"""Say which datasets are here and whether they are complete, and fetch, add, rename and remove them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, TypeAlias

from srbench.catalog.catalog import load_catalog
from srbench.datasets import recording
from srbench.datasets.adding import describe
from srbench.datasets.archives import fetch_dataset
from srbench.datasets.layouts import find_images
from srbench.datasets.library import Library
from srbench.datasets.manifest import user_manifest
from srbench.datasets.spec import DatasetSpec
from srbench.datasets.verification import verify
from srbench.errors import DataError, UsageError
from srbench.measuring.provided_lr import compare_with_ours

State: TypeAlias = Literal["absent", "here", "incomplete or mixed", "faulty"]


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """A known dataset, and what is there of it."""

    name: str
    """Its name."""
    split: str
    """One of "train" and "test"."""
    found: int
    """The number of its images that are there; not opened."""
    images: int | None
    """The number of images that it has; null if unknown."""
    state: State
    """What is there of it; "faulty" if its labels cannot be read."""
    license: str
    """Its licence."""


@dataclass(frozen=True, slots=True)
class Datasets:
    """Known datasets."""

    root: Path | None
    """The folder in which they were looked for; null if none is given."""
    datasets: tuple[DatasetFacts, ...]
    """The datasets whose names match."""


@dataclass(frozen=True, slots=True)
class VerifiedDataset:
    """A dataset after every image was compared with the manifest."""

    name: str
    """Its name."""
    state: str
    """One of "complete", "faulty" and "unchecked", where the manifest knows too little."""
    images: int
    """The number of images that were found."""
    content: str
    """The hash of names, sizes, pixels and labels."""
    lr: tuple[str, ...]
    """The LR that comes with it, a sentence for each scale."""
    problems: tuple[str, ...]
    """A sentence for each fault."""
    notes: tuple[str, ...]
    """Facts worth knowing that are not faults."""
    lr_compared: tuple[str, ...] = ()
    """With ``--lr``, how its LR compares with bicubic reduction by srbench."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Datasets that were compared with the manifest."""

    datasets: tuple[VerifiedDataset, ...]
    """The datasets that are here."""

    @property
    def faulty(self) -> bool:
        """Whether one of them is faulty."""
        return any(found.state == "faulty" for found in self.datasets)


@dataclass(frozen=True, slots=True)
class FetchedDataset:
    """A dataset that was downloaded, or was there."""

    name: str
    """Its name."""
    written: int
    """The number of files that were written; 0 if it was there."""
    images: int
    """The number of its images, all of which are checked."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Datasets that were fetched."""

    datasets: tuple[FetchedDataset, ...]
    """The datasets in the order of their names on the command line."""


@dataclass(frozen=True, slots=True)
class AddedDataset:
    """A dataset that was recorded in a manifest."""

    name: str
    """Its name."""
    images: int
    """The number of its images."""
    manifest: Path
    """The manifest that has it now."""
    own: bool
    """Whether that is your own manifest, which srbench always reads."""
    notes: tuple[str, ...]
    """What was understood of its files, what was left out, and what other datasets have."""


def list_datasets(root: Path | None, pattern: str = "*") -> Datasets:
    """Return the datasets whose names match a wildcard, with what is there of each; opens no image."""
    datasets = load_catalog().datasets
    return Datasets(root, tuple(_state(datasets[name], root) for name in datasets if fnmatchcase(name, pattern)))


def _state(spec: DatasetSpec, root: Path | None) -> DatasetFacts:
    found = 0
    state: State = "faulty"
    try:
        found = len(find_images(spec, root).hr)
        state = "absent" if not found else "here" if spec.images in {found, None} else "incomplete or mixed"
    except DataError:  # of labels that cannot be read, which verifying explains
        pass
    return DatasetFacts(spec.name, spec.split, found, spec.images, state, spec.license)


def verify_datasets(root: Path | None, names: Sequence[str], *, lr: bool = False) -> Iterator[VerifiedDataset]:
    """Compare datasets with the manifest, image by image, and yield each that is here.

    Args:
        root: The data root.
        names: The datasets, which must be here; empty for every one that is here.
        lr: Whether to compare the LR that comes with them with bicubic reduction by srbench.

    Raises:
        DataError: A named one is not here.
    """
    catalog = load_catalog()
    library = Library(root, catalog.datasets)
    for name in names or catalog.datasets:
        spec = catalog.datasets[name]
        found = library.verification(spec)
        if not found.present:
            if names:
                library.images(spec)  # raises, saying where to get it
            continue
        yield VerifiedDataset(
            name=name,
            state=found.state,
            images=len(found.images),
            content=found.content_hash,
            lr=tuple(found.lr_summary()),
            problems=found.all_problems,
            notes=tuple(found.notes),
            lr_compared=tuple(compare_with_ours(found, catalog.degradations)) if lr else (),
        )


def fetch_datasets(names: Sequence[str], root: Path | None) -> Iterator[FetchedDataset]:
    """Download datasets that have a public address, unpack them below the data root, check and yield each.

    Raises:
        UsageError: There is no data root.
        DataError: A dataset cannot be had that way, or is faulty.
    """
    catalog = load_catalog()
    specs = [catalog.datasets[name] for name in names]
    if root is None:
        raise UsageError("No folder for the datasets is given; pass one with --data DIR or SRBENCH_DATA.")
    library = Library(root if root.is_dir() else None, catalog.datasets)
    for spec in specs:
        written = 0
        if library.verification(spec).absent:
            library.images(spec)  # raises, saying how to get it
        if library.verification(spec).state not in {"complete", "unchecked"}:
            written = fetch_dataset(spec, root)
            library = Library(root, catalog.datasets)
        yield FetchedDataset(spec.name, written, len(library.images(spec)))


def add_dataset(
    name: str, places: Sequence[Path], manifest: Path | None, *,
    split: str, licence: str, citation: str, truth: bool, lr_suffix: str,
) -> AddedDataset:  # fmt: skip
    """Record a folder or archives of images in a manifest, your own if there is none; see `describe`.

    Raises:
        SrbenchError: The images cannot be used, or the name is taken.
    """
    own, known = manifest or user_manifest(), load_catalog().datasets
    added = describe(
        name, places, split=split, licence=licence, citation=citation, truth=truth, lr_suffix=lr_suffix,
        known=known.values(),
    )  # fmt: skip
    recording.record(own, added.spec, taken=tuple(known))
    found = verify(added.spec, None)
    notes = (*added.notes, *found.lr_summary(), *found.all_problems, *found.notes)
    return AddedDataset(name, len(added.spec.entries), own, own == user_manifest(), notes)


def remove_dataset(name: str, manifest: Path | None) -> Path:
    """Forget a dataset of a manifest, your own if there is none, and return the manifest; its images stay.

    Raises:
        UsageError: It is not in that manifest.
    """
    own = manifest or user_manifest()
    recording.remove(own, name, tuple(load_catalog().datasets))
    return own


def rename_dataset(old: str, new: str, manifest: Path | None) -> Path:
    """Give a dataset of a manifest, your own if there is none, another name, and return the manifest.

    Raises:
        UsageError: It is not in that manifest, or the new name is taken.
    """
    own = manifest or user_manifest()
    recording.rename(own, old, new, tuple(load_catalog().datasets))
    return own
