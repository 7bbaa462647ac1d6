"""Read the files in zip, tar, LMDB and Parquet archives, one after the other."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Self

from srbench.errors import DataError, UnavailableError

LMDB_DATA = "data.mdb"
"""The file that makes a folder an LMDB."""
LMDB_NAMES = "meta_info.txt"
"""BasicSR's list of the images in an LMDB: ``baby.png (512,512,3) 1``, a line each; the key is ``baby``."""
PARQUET_COLUMN = "image"
"""The column of a Parquet file that the Hugging Face hub has images in: a struct of bytes and path, or bytes alone."""
_PARQUET_MARK = b"PAR1"
_ROWS_AT_ONCE = 16


def kind_of_archive(path: Path) -> str:
    """Return "zip", "tar", "lmdb" or "parquet" by what a file (or an LMDB's folder) holds; "" for anything else."""
    if path.is_dir():
        return "lmdb" if (path / LMDB_DATA).is_file() else ""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        if file.read(len(_PARQUET_MARK)) == _PARQUET_MARK:
            return "parquet"
    if zipfile.is_zipfile(path):
        return "zip"
    return "tar" if tarfile.is_tarfile(path) else ""


def members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Read the names and contents of the regular files; links are left out.

    Raises:
        DataError: The archive is encrypted, or not in the layout of its kind.
        UnavailableError: The library that reads it is not installed.
        Exception: It is damaged; its reader may raise anything.
    """
    readers = {"zip": _in_zip, "lmdb": _in_lmdb, "parquet": _in_parquet}
    # tarfile raises ReadError for anything that is not an archive
    yield from readers.get(kind_of_archive(archive), _in_tar)(archive)


def _in_zip(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as bundle:
        for info in bundle.infolist():
            if info.flag_bits & 1:
                raise DataError(f"The archive {archive} is encrypted; unpack it by hand with its password.")
            if not info.is_dir():
                with bundle.open(info) as stream:
                    yield info.filename, stream


def _in_tar(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(archive, tarinfo=_Header) as tape:
        yield from _regular_files(tape)


class _Header(tarfile.TarInfo):
    """A header that is an error if it cannot be read; tarfile would take it for the end of the archive."""

    @classmethod
    def fromtarfile(cls, tape: tarfile.TarFile) -> Self:
        """Read the next header."""
        try:
            return super().fromtarfile(tape)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]  # not in typeshed
            raise tarfile.ReadError("a header inside it cannot be read") from error


def _regular_files(tape: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in tape:
        stream_or_none = tape.extractfile(member) if member.isfile() else None
        if stream_or_none is not None:
            with stream_or_none as stream:
                yield member.name, stream


def _in_lmdb(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Read an LMDB in a process of its own, which a damaged one may end."""
    with _library("lmdb", archive):
        import lmdb  # noqa: F401
    command = [sys.executable, "-P", "-m", "srbench.datasets.lmdb_to_tar", str(archive)]
    with subprocess.Popen(  # noqa: S603 - this Python, a module of srbench
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        try:
            with suppress(tarfile.ReadError), tarfile.open(fileobj=child.stdout, mode="r|") as tape:
                yield from _regular_files(tape)
        except BaseException:
            child.kill()
            raise
        said = child.stderr.read().decode().strip() if child.stderr else ""
    if child.returncode:
        raise DataError(said if child.returncode > 0 and said else f"The archive {archive} is damaged; copy it again.")


def _in_parquet(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with _library("pyarrow", archive):
        import pyarrow.parquet
    with pyarrow.parquet.ParquetFile(archive) as table:
        columns = table.schema_arrow.names
        if PARQUET_COLUMN not in columns:
            raise DataError(
                f"{archive} has the columns {', '.join(columns)}; the images are expected in {PARQUET_COLUMN!r}."
            )
        row = 0
        for batch in table.iter_batches(_ROWS_AT_ONCE, columns=[PARQUET_COLUMN]):
            for cell in batch.column(0).to_pylist():
                name = f"{archive.stem}_{row:06d}"
                row += 1
                match cell:
                    case {"bytes": bytes(data), "path": str(path)} if path:
                        # the hub keeps the uploader's whole path in some sets; the file's name is what counts
                        name = PurePosixPath(path.replace("\\", "/")).name
                    case bytes(data) | {"bytes": bytes(data)}:
                        pass
                    case _:
                        raise DataError(
                            f"Row {row} of {archive} has no bytes of an image; save the set with its files in it."
                        )
                yield with_suffix(name, data, archive), io.BytesIO(data)


def with_suffix(name: str, data: bytes, archive: Path) -> str:
    """Return a file name that ends as its content demands, where it has no ending of its own.

    Raises:
        DataError: It has none, and the content is not an image.
    """
    from PIL import Image, UnidentifiedImageError

    if PurePosixPath(name).suffix:
        return name
    try:
        with Image.open(io.BytesIO(data)) as image:
            return f"{name}.{str(image.format).lower()}"
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise DataError(f"{name} in {archive} is not an image; remove it, or fetch the archive again.") from error


@contextmanager
def _library(name: str, archive: Path) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise UnavailableError(
            f"{archive} is read with the package {name}, which is not installed; "
            "install it with pip install 'srbench[archives]'."
        ) from error
