"""Describe images in a folder or in archives as a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from srbench.datasets.containers import kind_of_archive
from srbench.datasets.image_facts import ImageFacts, image_facts
from srbench.datasets.layouts import search
from srbench.datasets.packed import archives_at, unpacked
from srbench.datasets.spec import DatasetSpec, ImageEntry
from srbench.errors import DataError, UsageError
from srbench.imaging.folders import list_folder, name_some
from srbench.naming import NAME

SMALLEST_SIDE = 16
"""Pixels below which a side of hr leaves nothing to score: the window of SSIM has 11, and at x2 four are shaved off."""


@dataclass(frozen=True, slots=True)
class Described:
    """A dataset that was measured and hashed, and what a person should know about its images."""

    spec: DatasetSpec
    notes: tuple[str, ...] = ()
    """A sentence for each finding: what is left out, duplicates, images that other datasets have, JPEG."""


@dataclass(slots=True)
class _Sorted:
    """The images that are taken, and the reasons why others are not."""

    taken: dict[str, ImageFacts] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def describe(
    name: str,
    places: Sequence[Path],
    *,
    split: str = "test",
    licence: str = "unknown",
    citation: str = "unknown",
    truth: bool = True,
    lr_suffix: str = "",
    known: Iterable[DatasetSpec] = (),
) -> Described:
    """Measure and hash the images of a folder, or of archives.

    Args:
        name: Name of the dataset, in lower_snake_case.
        places: A folder of images in any layout of `srbench.datasets.layouts`; or archives that hold one together,
            as paths or glob patterns: zip, tar, the folder of an LMDB, or Parquet.
        split: "train" or "test".
        licence: SPDX id, or a few words.
        citation: What to cite.
        truth: Whether they are hr; False for lr from the world.
        lr_suffix: A further ending of its LR names.
        known: Other datasets, which may have the same images.

    Returns:
        The dataset without the images that cannot be read or are too small, and the findings.

    Raises:
        UsageError: The name or the split is not valid, or folders and archives are mixed.
        DataError: There are no images, or none of them can be used.
        UnavailableError: The library that reads an archive is not installed.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"The dataset name {name!r} is not lower_snake_case ASCII; choose another, such as 'my_set'.")
    if split not in {"train", "test"}:
        raise UsageError(f"The split {split!r} is neither 'train' nor 'test'; give one of them.")
    archives = _archives(places)
    folder = unpacked(archives) if archives else places[0]
    files = _images(folder, truth=truth, lr_suffix=lr_suffix)
    images = _sort(files, smallest=SMALLEST_SIDE if truth else 1)
    spec = DatasetSpec(
        name=name,
        label=name,
        split="train" if split == "train" else "test",
        images=len(images.taken),
        license=licence,
        citation=citation,
        folders=() if archives else (str(folder.resolve()),),
        archives=tuple(str(path.resolve()) for path in archives),
        left_out=tuple(images.left_out),
        truth=truth,
        lr_suffix=lr_suffix,
        grey=tuple(image for image, found in images.taken.items() if found.channels == 1),
        entries=tuple(
            ImageEntry(name=image, height=found.height, width=found.width, sha256=found.sha256)
            for image, found in images.taken.items()
        ),
    )
    notes = [f"Left out: {reason}" for reason in images.left_out.values()]
    notes += [*_duplicates(spec), *_shared(spec, known)]
    return Described(spec, (*notes, *(_lossy(files, images.taken) if truth else ())))


def _archives(places: Sequence[Path]) -> tuple[Path, ...]:
    """Return the archives among the places; none if the place is a folder of images."""
    folders = [path for path in places if path.is_dir() and not kind_of_archive(path)]
    if folders and len(places) > 1:
        raise UsageError(f"{folders[0]} is a folder; give one folder of images, or archives alone.")
    if folders:
        return ()
    found = {path: archives_at([str(path.absolute())], None) for path in places}
    if absent := [str(path) for path, archives in found.items() if not archives]:
        raise DataError(
            f"There are no images in {absent[0]}, which does not exist; give the folder that holds them, or archives."
        )
    return tuple(dict.fromkeys(archive for archives in found.values() for archive in archives))


def _images(folder: Path, *, truth: bool, lr_suffix: str) -> Mapping[str, Path]:
    files = search([folder], truth=truth, stated=lr_suffix)
    if files is not None and files.hr:
        return files.hr
    content = list_folder(folder)
    if content.images:
        raise DataError(f"Every image in {folder} is LR by its name; add the HR, or give --unpaired without one.")
    if packed := [path.name for path in content.others if kind_of_archive(path)]:
        raise DataError(f"There are no images in {folder}, but archives ({name_some(packed)}); give those.")
    raise DataError(f"There are no images in {folder}; give the folder that holds them, or their HR folder.")


def _sort(files: Mapping[str, Path], smallest: int) -> _Sorted:
    facts, broken = image_facts(files.values())
    images = _Sorted()
    for name, path in files.items():
        found = facts.get(path)
        if found is None:
            images.left_out[name] = broken[path]
        elif min(found.height, found.width) < smallest:
            images.left_out[name] = f"{path.name} has {found.size} pixels; a side of hr has {smallest} at least."
        else:
            images.taken[name] = found
    if not images.taken:
        raise DataError(f"No image can be used: {next(iter(images.left_out.values()))}")
    return images


def _duplicates(spec: DatasetSpec) -> list[str]:
    """Name the images of a dataset that have the same pixels."""
    same: dict[str, list[str]] = {}
    for entry in spec.entries:
        same.setdefault(str(entry.sha256), []).append(entry.name)
    return [f"The same image, pixel by pixel: {name_some(names)}." for names in same.values() if len(names) > 1]


def _shared(spec: DatasetSpec, known: Iterable[DatasetSpec]) -> list[str]:
    """Name the images that other datasets have, too."""
    texts = []
    for other in known:
        hashes = {entry.sha256 for entry in other.entries if entry.sha256}
        if names := [entry.name for entry in spec.entries if entry.sha256 in hashes]:
            leak = "; a training on one cannot be measured on the other" if other.split != spec.split else ""
            texts.append(f"Also in {other.name}, pixel by pixel: {name_some(names)}{leak}.")
    return texts


def _lossy(files: Mapping[str, Path], names: Iterable[str]) -> list[str]:
    """Warn of hr that was stored with loss."""
    from srbench.imaging.files import opened_image

    lossy = []
    for name in names:
        with opened_image(files[name]) as image:
            if image.format in {"JPEG", "MPO"}:
                lossy.append(name)
    if not lossy:
        return []
    return [f"JPEG as hr, whose artefacts count as truth: {name_some(lossy)}. Lossless images are a better reference."]
