"""PASCAL VOC: which of twenty classes an image shows, in a list for each class.

A class is ignored for an image where all its objects are difficult: the list has 0 for it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from srbench.datasets.labelled.images import LabelledImages
from srbench.datasets.labelled.index_files import read_lines
from srbench.datasets.labelled.layout import Layout, inside
from srbench.errors import DataError
from srbench.imaging.folders import name_some

_LINE = "write ID and 1 (shown), -1 (not shown) or 0 (difficult)"


class Voc(Layout):
    """The description of a part of PASCAL VOC."""

    question: Literal["multilabel"]
    part: Literal["train", "val", "trainval", "test"]

    def landmark(self, folder: Path) -> Path:
        """Return the list of the part."""
        return self._lists(folder) / f"{self.part}.txt"

    def read(self, folder: Path) -> LabelledImages:
        """Read the list of the part, and for each class the list of its images.

        Raises:
            DataError: A list is missing or malformed, or lists other images than the list of the part.
        """
        lists = self._lists(folder)
        names = [str(line) for line in read_lines(self.landmark(folder))]
        classes = self._classes(lists)
        shown: dict[str, list[int]] = {name: [] for name in names}
        difficult: dict[str, list[int]] = {}
        for number, own in enumerate(classes):
            flags = _flags(lists / f"{own}_{self.part}.txt")
            if differing := sorted(flags.keys() ^ shown.keys()):
                raise DataError(
                    f"{lists / f'{own}_{self.part}.txt'} and {self.part}.txt do not list the same images: "
                    f"{name_some(differing)}."
                )
            for name, flag in flags.items():
                if flag > 0:
                    shown[name].append(number)
                elif flag == 0:
                    difficult.setdefault(name, []).append(number)
        return LabelledImages(
            question=self.question,
            images={name: inside(folder / "JPEGImages", f"{name}.jpg") for name in names},
            classes=classes,
            labels={name: tuple(own) for name, own in shown.items()},
            ignored={name: tuple(own) for name, own in difficult.items()},
            origin=folder.resolve(),
            sources=(self.landmark(folder), *(lists / f"{own}_{self.part}.txt" for own in classes)),
        )

    def _lists(self, folder: Path) -> Path:
        return folder / "ImageSets" / "Main"

    def _classes(self, lists: Path) -> tuple[str, ...]:
        found = (re.fullmatch(rf"(\w+)_{self.part}\.txt", path.name) for path in lists.iterdir())
        classes = tuple(sorted(match[1] for match in found if match))
        if not classes:
            raise DataError(f"{lists} has no list such as aeroplane_{self.part}.txt for any class.")
        return classes


def _flags(path: Path) -> dict[str, int]:
    flags = {}
    for line in read_lines(path):
        name, flag = line.fields(2, _LINE)
        if flag not in {"1", "+1", "0", "-1"}:
            raise line.fault(_LINE)
        flags[name] = int(flag)
    return flags
