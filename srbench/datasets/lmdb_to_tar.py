"""Write the images of an LMDB to standard output as a tar: ``python -m srbench.datasets.lmdb_to_tar FOLDER``.

An LMDB is mapped into memory, and one that is damaged may end the process that reads it.
"""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

from srbench.datasets.containers import LMDB_DATA, LMDB_NAMES, with_suffix
from srbench.errors import DataError, reason_of


def convert(archive: Path, out: IO[bytes]) -> None:
    """Write every image that BasicSR's list names, or without the list, every entry.

    Args:
        archive: The folder of the LMDB.
        out: Where to write to.

    Raises:
        DataError: It is cut short, lacks an image of its list, or holds something that is not an image.
    """
    import lmdb

    names = _listed(archive / LMDB_NAMES)
    with lmdb.open(str(archive), readonly=True, lock=False, readahead=False, create=False) as database:
        pages, page_size = database.info()["last_pgno"] + 1, database.stat()["psize"]
        if (archive / LMDB_DATA).stat().st_size < pages * page_size:
            raise DataError(f"The archive {archive} is cut short; copy it again.")
        with database.begin() as transaction, tarfile.open(fileobj=out, mode="w|") as tape:
            for name, key in names or ((key.decode(), key) for key, _ in transaction.cursor()):
                data = transaction.get(key)
                if data is None:
                    raise DataError(f"{archive / LMDB_NAMES} lists {name}, which the archive does not have; copy both.")
                member = tarfile.TarInfo(with_suffix(name, data, archive))
                member.size = len(data)
                tape.addfile(member, io.BytesIO(data))


def _listed(path: Path) -> list[tuple[str, bytes]]:
    """Return file name and key of every image in BasicSR's list; empty without the list."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.rpartition(" (")[0] or line for line in lines if line.strip()]
    return [(name, str(PurePosixPath(name).with_suffix("")).encode()) for name in names]


def main(archive: Path) -> None:
    """Convert, and leave a sentence on standard error if that fails."""
    try:
        convert(archive, sys.stdout.buffer)
    except DataError as error:
        sys.exit(str(error))
    except Exception as error:  # noqa: BLE001 - a damaged archive can make its reader raise anything
        sys.exit(f"The archive {archive} is damaged ({reason_of(error)}); copy it again.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
