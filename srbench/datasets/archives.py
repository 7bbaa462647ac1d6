"""Get a dataset from its public archives, and unpack archives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO

from srbench.datasets.containers import members
from srbench.datasets.spec import DatasetSpec
from srbench.errors import DataError, StoreError, UnavailableError
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
            f"(licence: {spec.license}) and put it as {root / spec.folder}."
        )
    written = 0
    for download in spec.downloads:
        archive = root / ".downloads" / PurePosixPath(download.url).name
        try:
            fetch_file([download.url], download.sha256, archive, progress=progress)
        except UnavailableError as error:
            raise UnavailableError(
                f"{error} Get {spec.label} from {spec.home} and put it as {root / spec.folder}."
            ) from error
        written += unpack(archive, root, size_limit(archive, spec))
        archive.unlink()
    return written


def size_limit(archive: Path, spec: DatasetSpec | None = None) -> int:
    """Return what a sound archive unpacks to at most.

    Args:
        archive: A file, or the folder of an LMDB.
        spec: The dataset in it; if its images are known, HR, LR and previews of them count, else the archive's size.
    """
    pixels = sum(entry.height * entry.width for entry in spec.entries) if spec else 0
    files = [archive] if archive.is_file() else list(archive.iterdir())
    return 2**28 + (16 * pixels if pixels else 20 * sum(file.stat().st_size for file in files))


def unpack(archive: Path, destination: Path, most_bytes: int = 2**40, *, fresh: bool = False) -> int:
    """Write the files of an archive that do not exist yet, each whole or not at all; links are left out.

    If the archive turns out to be damaged, the files that were written are deleted.

    Args:
        archive: The archive.
        destination: The folder to write to.
        most_bytes: What all files together may have.
        fresh: Whether no file of the archive may exist yet: a name that it holds twice is an error.

    Returns:
        The number of files written.

    Raises:
        DataError: The archive is damaged, encrypted, too large or of another kind, or a name in it leads out of
            ``destination``, or is there already although it may not be.
        UnavailableError: The library that reads it is not installed.
        StoreError: ``destination`` cannot be written.
    """
    written: list[Path] = []
    left = most_bytes
    try:
        for name, stream in members(archive):
            path = destination / _inside(name, archive, destination)
            if path.exists():
                _check_may_exist(name, archive, fresh=fresh)
                continue
            left -= _write(path, stream, archive, left)
            written.append(path)
    except DataError:
        _delete(written, destination)
        raise
    except (StoreError, UnavailableError):
        raise
    except Exception as error:  # a damaged archive can make its reader raise anything
        _delete(written, destination)
        raise _damaged(archive, error) from error
    return len(written)


def _check_may_exist(name: str, archive: Path, *, fresh: bool) -> None:
    if fresh:
        raise DataError(f"{name} is twice in {archive} or its other shards; remove one of both.")


def _inside(name: str, archive: Path, destination: Path) -> PurePosixPath:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name:
        raise DataError(f"{archive} is not trustworthy: it would write {name!r} outside {destination}; delete it.")
    return parts


def _write(path: Path, stream: IO[bytes], archive: Path, most_bytes: int) -> int:
    size = 0
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        while chunk := _chunk(stream, archive):
            size += len(chunk)
            if size > most_bytes:
                raise DataError(f"The archive {archive} unpacks to more than this dataset can have; delete it.")
            file.write(chunk)
    return size


def _chunk(stream: IO[bytes], archive: Path) -> bytes:
    try:
        return stream.read(2**20)
    except Exception as error:  # here, so that it is not taken for a fault of the disk that is written to
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> DataError:
    if isinstance(error, NotImplementedError):
        return DataError(f"The archive {archive} is compressed in a way that Python cannot read; unpack it by hand.")
    reason = str(error).partition("\n")[0] or type(error).__name__
    return DataError(f"The archive {archive} is damaged ({reason}); delete it and fetch it again.")


def _delete(files: Iterable[Path], destination: Path) -> None:
    """Delete files, and the folders below ``destination`` that are empty then."""
    for path in files:
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == destination or any(folder.iterdir()):
                break
            folder.rmdir()
