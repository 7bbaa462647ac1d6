"""Get a dataset from its public archives."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from srbench.datasets.spec import DatasetSpec
from srbench.errors import DataError, UnavailableError
from srbench.files import atomic_path, fetch_file


def fetch_dataset(spec: DatasetSpec, root: Path, *, progress: bool = True) -> int:
    """Download and unpack a dataset below the data root. Existing files stay unchanged.

    Args:
        spec: The dataset.
        root: The data root; made if it does not exist.
        progress: Show a bar on standard error.

    Returns:
        The number of files written.

    Raises:
        UnavailableError: It has no public address, or none answered; says where to get it.
        DataError: An archive is damaged, or would write outside the data root.
        StoreError: The data root cannot be written.
    """
    if spec.locate is not None:
        raise UnavailableError(f"{spec.label} comes with an installed package; there is nothing to fetch.")
    if not spec.downloads:
        raise UnavailableError(
            f"No public address of {spec.label} is known; get it from {spec.home or 'its authors'} "
            f"(licence: {spec.license}) and put it as {root / spec.label}."
        )
    written = 0
    for download in spec.downloads:
        archive = root / ".downloads" / PurePosixPath(download.url).name
        try:
            fetch_file([download.url], download.sha256, archive, progress=progress)
        except UnavailableError as error:
            raise UnavailableError(
                f"{error} Get {spec.label} from {spec.home} and put it as {root / spec.label}."
            ) from error
        written += unpack(archive, root)
        archive.unlink()
    return written


def unpack(archive: Path, destination: Path) -> int:
    """Write the files of a zip or tar archive that do not exist yet, each whole or not at all; links are left out.

    Returns:
        The number of files written.

    Raises:
        DataError: The archive is damaged or of another kind, or a name in it leads out of ``destination``.
        StoreError: ``destination`` cannot be written.
    """
    written = 0
    try:
        for name, stream in _members(archive):
            parts = PurePosixPath(name.replace("\\", "/"))
            if parts.is_absolute() or ".." in parts.parts or ":" in name:
                raise DataError(
                    f"{archive} is not trustworthy: it would write {name!r} outside {destination}; delete it."
                )
            path = destination / parts
            if not path.exists():
                with atomic_path(path) as temporary, temporary.open("wb") as file:
                    shutil.copyfileobj(stream, file)
                written += 1
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"The archive {archive} is damaged ({error}); delete it and fetch it again.") from error
    return written


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Names and contents of the regular files."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as bundle:
            for info in bundle.infolist():
                if not info.is_dir():
                    with bundle.open(info) as stream:
                        yield info.filename, stream
        return
    with tarfile.open(archive) as tape:  # raises ReadError for anything that is not an archive
        for member in tape:
            stream_or_none = tape.extractfile(member) if member.isfile() else None
            if stream_or_none is not None:
                with stream_or_none as stream:
                    yield member.name, stream
