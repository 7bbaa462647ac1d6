"""Look at a folder of data: the known datasets in it, or its images as one, with their LR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from srbench.catalog.catalog import Catalog
from srbench.datasets.adding import describe
from srbench.datasets.layouts import dataset_folders
from srbench.datasets.spec import DatasetSpec
from srbench.datasets.verification import Verification, verify
from srbench.errors import DataError
from srbench.measuring.provided_lr import compare_with_ours

OWN = "images"
"""The name of images that are not a known dataset."""


@dataclass(frozen=True, slots=True)
class FolderDataset:
    """A dataset in the folder."""

    name: str
    """Its name; "images" for images that are not a known dataset."""
    state: str
    """One of "complete", "faulty" and "unchecked", where nothing is known to compare with."""
    images: int
    """The number of images that were found."""
    lr: tuple[str, ...]
    """The LR that comes with it, how it is paired, and whether it is bicubic as MATLAB makes it."""
    problems: tuple[str, ...]
    """A sentence for each fault."""
    notes: tuple[str, ...]
    """Facts worth knowing that are not faults."""


@dataclass(frozen=True, slots=True)
class DataDiagnosis:
    """What is in a folder."""

    folder: Path
    """The folder."""
    datasets: tuple[FolderDataset, ...]
    """The known datasets in it; the images of the folder itself if there is none."""

    @property
    def faulty(self) -> bool:
        """Whether one of them is faulty."""
        return any(own.problems for own in self.datasets)


def diagnose_data(folder: Path, catalog: Catalog) -> DataDiagnosis:
    """Look at every image of a folder, which may be a data root, one dataset or plain images.

    Raises:
        DataError: There is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise DataError(f"The folder {folder} does not exist; give a folder of images, or one of datasets.")
    known = _known(folder, catalog.datasets)
    found = [_facts(spec.name, verify(spec, folder, known), (), catalog) for spec in known]
    if not found:
        added = describe(OWN, [folder], known=catalog.datasets.values())
        found = [_facts(OWN, verify(added.spec, None), added.notes, catalog)]
    return DataDiagnosis(folder, tuple(found))


def _known(folder: Path, datasets: Mapping[str, DatasetSpec]) -> list[DatasetSpec]:
    """Return the datasets that have a folder of their own here; others may be elsewhere on this machine."""
    return [
        spec
        for spec in datasets.values()
        if spec.locate is None and any(own.is_relative_to(folder) for own in dataset_folders(spec, folder))
    ]


def _facts(name: str, found: Verification, notes: tuple[str, ...], catalog: Catalog) -> FolderDataset:
    return FolderDataset(
        name=name,
        state="unchecked" if name == OWN and not found.all_problems else found.state,
        images=len(found.images),
        lr=(*found.lr_summary(), *compare_with_ours(found, catalog.degradations)),
        problems=found.all_problems,
        notes=(*notes, *found.notes),
    )
