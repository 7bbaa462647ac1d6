"""What the layouts of labelled datasets share: the table of a manifest that describes one, and how it is read."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from srbench.datasets.labelled.images import LabelledImages, Question
from srbench.errors import DataError
from srbench.imaging.folders import list_folder
from srbench.toml import Table


class Layout(Table):
    """A way in which a labelled dataset is stored: the table ``labels`` of its entry in a manifest."""

    layout: str
    question: Question

    def landmark(self, folder: Path) -> Path:
        """Return the file or folder by which the right folder is recognised among those of the set's names."""
        return folder

    def find(self, folders: Sequence[Path]) -> Path | None:
        """Return the folder of the set among those of its names; None if it is not there.

        Raises:
            UnavailableError: It is not there for a reason that the sentence says.
        """
        return next((folder for folder in folders if self.landmark(folder).exists()), next(iter(folders), None))

    @abstractmethod
    def read(self, folder: Path) -> LabelledImages:
        """Read the set.

        Raises:
            DataError: The folder does not hold what the layout expects.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelReader:
    """Reads the labels of a dataset from its folder, as `srbench.datasets.spec.DatasetSpec.labels`."""

    layout: Layout
    folders: Callable[[Path | None], Sequence[Path]]
    """The folders with a name of the set below a data root, best first."""

    def __call__(self, root: Path | None) -> LabelledImages:
        """Read the set; without images if it is not there.

        Raises:
            UnavailableError: It is not there for a reason that the sentence says.
            DataError: It cannot be read.
        """
        folder = self.layout.find(self.folders(root))
        if folder is None:
            return LabelledImages(question=self.layout.question, images={})
        try:
            labelled = self.layout.read(folder)
        except OSError as error:
            raise DataError(f"{folder} cannot be read ({error}); check its permissions.") from error
        if not labelled.images:
            raise DataError(f"The folder {folder} holds no image that belongs to the set.")
        return labelled


def natural(name: str) -> list[tuple[int, str]]:
    """Return the key that sorts numbers in names by value: s2 comes before s10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def image_names(folder: Path, files: Iterable[Path]) -> dict[str, Path]:
    """Name images by their paths inside a folder, without the ending: "daisy/123_n".

    Raises:
        DataError: Two files have the same name.
    """
    named: dict[str, Path] = {}
    for path in files:
        name = str(PurePosixPath(path.relative_to(folder).with_suffix("")))
        if name in named:
            raise DataError(f"{named[name]} and {path} are the same image by name; remove one.")
        named[name] = path
    return named


def images_below(folder: Path) -> dict[str, Path]:
    """Return the images of a folder and of all folders in it, by name, in natural order.

    Raises:
        DataError: A folder has images and folders that hold images, or two files have the same name.
    """
    content = list_folder(folder)
    found: dict[str, Path] = image_names(folder, content.images)
    for inner in content.folders:
        below = images_below(inner)
        if below and content.images:
            raise DataError(f"{folder} holds images and, in {inner.name}, more of them; give each class a folder.")
        found |= {f"{inner.name}/{name}": path for name, path in below.items()}
    return dict(sorted(found.items(), key=lambda item: natural(item[0])))


def inside(folder: Path, name: str) -> Path:
    """Return the file of a name that an index lists.

    Raises:
        DataError: The name leads out of the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise DataError(f"The name {name!r} leads out of {folder}; an index lists files inside it.")
    return folder / path
