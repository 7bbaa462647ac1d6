"""Datasets in archives: unpacked once into the cache, so that they are folders to everything else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path

from srbench.datasets.archives import size_limit, unpack
from srbench.datasets.containers import LMDB_DATA, LMDB_NAMES, kind_of_archive
from srbench.errors import DataError
from srbench.files import cache_root, made_once
from srbench.imaging.folders import list_folder, name_some


def archives_at(places: Sequence[str], root: Path | None) -> tuple[Path, ...]:
    """Return the archives that paths or glob patterns name, shards in the order of their names.

    Args:
        places: Absolute, or relative to the data root.
        root: The data root; without one, relative places name nothing.
    """
    found: list[Path] = []
    for place in places:
        if root is not None or Path(place).is_absolute():
            path = (root or Path()) / place
            matches = [str(path)] if path.exists() else sorted(glob(str(path)))  # noqa: PTH207 - absolute patterns
            found += map(Path, matches)
    return tuple(dict.fromkeys(found))


def _check(path: Path) -> None:
    try:
        kind = kind_of_archive(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    if not kind:
        what = "is empty" if path.is_file() and not path.stat().st_size else "is damaged, or of another kind"
        raise DataError(f"{path} {what}; a zip or tar archive, the folder of an LMDB, or a Parquet file was expected.")


def unpacked(archives: Sequence[Path]) -> Path:
    """Return a folder of the cache with what archives hold together; they are unpacked if it is not there.

    It is named by the archives' paths, sizes and times. The images keep their bytes. Folders that hold nothing but one
    folder are passed over.

    Args:
        archives: At least one.

    Raises:
        DataError: An archive is empty, damaged, of a kind that srbench does not read, leads outside the folder, or
            holds a name that is there already.
        UnavailableError: A library that reads it is not installed.
        StoreError: The cache cannot be written.
    """

    def make(folder: Path) -> None:
        for archive in archives:
            _check(archive)
            unpack(archive, folder, size_limit(archive), fresh=True)

    folder = made_once(cache_root() / "archives" / _key(archives), make)
    while True:
        content = list_folder(folder)
        if content.images or content.others or len(content.folders) != 1:
            break
        [folder] = content.folders
    if not (content.images or content.folders):
        raise DataError(f"There are no images in {name_some(list(map(str, archives)))}; give an archive of images.")
    return folder


def _key(archives: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in (file for archive in archives for file in _files(archive)):
        facts = path.stat()
        digest.update(repr((str(path.resolve()), facts.st_size, facts.st_mtime_ns)).encode())
    return digest.hexdigest()[:32]


def _files(archive: Path) -> Iterator[Path]:
    if archive.is_file():
        yield archive
    else:
        yield from (path for name in (LMDB_DATA, LMDB_NAMES) if (path := archive / name).is_file())
