"""Pairs of faces that a text file lists: LFW, AgeDB-30 and CFP-FP, as exported images or as LFW's own ``pairs.txt``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field

from srbench.datasets.labelled.images import LabelledImages, Pair
from srbench.datasets.labelled.index_files import Line, read_lines
from srbench.datasets.labelled.layout import Layout, images_below, inside
from srbench.datasets.labelled.pickled_pairs import read_pickled, write_images
from srbench.errors import DataError
from srbench.imaging.folders import SUFFIXES, name_some

_LINE = "write LEFT RIGHT FLAG, the flag 1 (same) or -1 or 0 (different)"
_LFW_LINE = "write NAME NUMBER NUMBER (same) or NAME NUMBER NAME NUMBER (different)"
_LFW_HEADER = "write the number of folds and of pairs of each kind in a fold"


class FacePairs(Layout):
    """The description of a set of exported images with a list of ``left right flag``, or of its pickle ``.bin``."""

    question: Literal["verification"]
    path: str
    """Folder of the images inside the set's folder."""
    list: str
    """The file of the pairs inside the set's folder."""
    pickle: str
    """The pickle of both inside the set's folder, which is read where the list is missing."""
    folds: Annotated[int, Field(ge=2)] = 10
    """Number of folds: blocks of lines of the same length."""

    def landmark(self, folder: Path) -> Path:
        """Return the list or, where it is missing, the pickle."""
        return folder / self.list if (folder / self.list).exists() else folder / self.pickle

    def read(self, folder: Path) -> LabelledImages:
        """Read the pairs, and find the images that they name.

        Raises:
            DataError: The list is missing or malformed, names unknown images, or is not of as many folds.
        """
        source = self.landmark(folder)
        if source == folder / self.pickle and source.exists():
            encoded, flags = read_pickled(source)
            images = write_images(source, encoded)
            names = list(images)
            named = list(zip(names[::2], names[1::2], flags, strict=True))
        else:
            known = images_below(folder / self.path) if (folder / self.path).is_dir() else {}
            named = [_named_pair(line) for line in read_lines(folder / self.list)]
            images = _images_of(named, known, source)
        return LabelledImages(
            question=self.question,
            images=images,
            pairs=_in_folds(named, self.folds, source),
            origin=folder.resolve(),
            sources=(source,),
        )


class Lfw(Layout):
    """The description of LFW as its authors publish it: a folder for each person, and ``pairs.txt``."""

    question: Literal["verification"]
    list: str = "pairs.txt"

    def landmark(self, folder: Path) -> Path:
        """Return the list of the pairs."""
        return folder / self.list

    def read(self, folder: Path) -> LabelledImages:
        """Read the pairs, and find the images that they name.

        Raises:
            DataError: The list is missing or malformed, or names unknown images.
        """
        source = self.landmark(folder)
        lines = read_lines(source)
        folds, each = _header(lines, source)
        if len(lines) - 1 != 2 * folds * each:
            raise DataError(
                f"{source} has {len(lines) - 1} pairs; its first line says {folds} folds of {each} genuine and "
                f"{each} impostor pairs."
            )
        named = [_lfw_pair(line) for line in lines[1:]]
        images = {name: inside(folder, f"{name}.jpg") for left, right, _ in named for name in (left, right)}
        if absent := [name for name, path in images.items() if not path.is_file()]:
            raise _unknown(absent, source)
        people = sorted({PurePosixPath(name).parent.name for name in images})
        number = {person: position for position, person in enumerate(people)}
        return LabelledImages(
            question=self.question,
            images=images,
            classes=tuple(people),
            labels={name: (number[PurePosixPath(name).parent.name],) for name in images},
            pairs=_in_folds(named, folds, source),
            origin=folder.resolve(),
            sources=(source,),
        )


_NamedPair = tuple[str, str, bool]


def _named_pair(line: Line) -> _NamedPair:
    left, right, flag = line.fields(3, _LINE)
    if flag not in {"1", "-1", "0"}:
        raise line.fault(_LINE)
    return _stem(left), _stem(right), flag == "1"


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else str(path)


def _header(lines: Sequence[Line], source: Path) -> tuple[int, int]:
    if not lines:
        raise DataError(f"{source} is empty; it lists the pairs of the set.")
    numbers = [lines[0].whole_number(field, _LFW_HEADER) for field in lines[0].fields(2, _LFW_HEADER)]
    if min(numbers) < 1:
        raise lines[0].fault(_LFW_HEADER)
    return numbers[0], numbers[1]


def _lfw_pair(line: Line) -> _NamedPair:
    match line.split():
        case [person, left, right]:
            return _face(line, person, left), _face(line, person, right), True
        case [person, left, other, right]:
            return _face(line, person, left), _face(line, other, right), False
    raise line.fault(_LFW_LINE)


def _face(line: Line, person: str, number: str) -> str:
    return f"{person}/{person}_{line.whole_number(number, _LFW_LINE):04d}"


def _images_of(named: Sequence[_NamedPair], known: Mapping[str, Path], source: Path) -> dict[str, Path]:
    """Return the images that pairs name, in the order of the files."""
    wanted = {name for left, right, _ in named for name in (left, right)}
    if absent := sorted(wanted - known.keys()):
        raise _unknown(absent, source)
    return {name: path for name, path in known.items() if name in wanted}


def _unknown(absent: Sequence[str], source: Path) -> DataError:
    return DataError(f"The pairs of {source} name images that are not there: {name_some(absent)}.")


def _in_folds(named: Sequence[_NamedPair], folds: int, source: Path) -> tuple[Pair, ...]:
    if not named or len(named) % folds:
        raise DataError(f"{source} has {len(named)} pairs, which cannot be cut into {folds} equal folds.")
    each = len(named) // folds
    return tuple(Pair(left, right, same, index // each) for index, (left, right, same) in enumerate(named))
