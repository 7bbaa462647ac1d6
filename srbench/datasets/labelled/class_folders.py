"""Images in a folder for each class or identity: ImageNet, flowers, Omniglot, CASIA-WebFace, ORL.

A folder that holds images is a class, named by its path: ``daisy``, ``Greek/character01``. A set is split, and its
gallery is chosen, by the position of an image in its class: 7 for ``s1/7.pgm``. Names are in natural order, in which
``s2`` comes before ``s10``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from srbench.datasets.labelled.drawn_pairs import draw_pairs
from srbench.datasets.labelled.images import LabelledImages
from srbench.datasets.labelled.layout import Layout, images_below, natural
from srbench.errors import DataError
from srbench.imaging.folders import name_some
from srbench.naming import expand_names
from srbench.toml import Table

Span = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
"""First and last number, both included."""


class DrawnPairs(Table):
    """How verification pairs are drawn; see `draw_pairs`."""

    impostors: Annotated[int, Field(gt=0)]
    seed: Annotated[int, Field(ge=0)]
    folds: Annotated[int, Field(ge=2)]


class ClassFolders(Layout):
    """The description of a set in class folders."""

    question: Literal["classification", "verification", "identification"]
    path: str = ""
    """Folder of the classes inside the set's folder."""
    classes: tuple[str, ...] = ()
    """Names or patterns of the classes that belong to the set, in their order; "s1-s24" stands for all between. Empty
    for all classes, in natural order."""
    take: Span | None = None
    """Positions in their class of the images that belong to the set; all images if absent."""
    without: tuple[str, ...] = ()
    """Names of images that are there and do not belong to the set, such as copies of test images."""
    gallery: Span | None = None
    """Positions of the images in the gallery, in identification; the others are probes."""
    pairs: DrawnPairs | None = None
    """How pairs are drawn, in verification."""

    def landmark(self, folder: Path) -> Path:
        """Return the folder of the classes."""
        return folder / self.path

    def read(self, folder: Path) -> LabelledImages:
        """Read the images; their labels are their folders.

        Raises:
            DataError: A class has no folder, or an image is in none.
        """
        top = self.landmark(folder)
        if not top.is_dir():
            raise DataError(f"There is no folder {top}; the classes of the set are expected in it.")
        images = images_below(top)
        if stray := [name for name in images if "/" not in name]:
            raise DataError(f"{top} holds images outside any class ({name_some(stray)}); give each class a folder.")
        classes = self._classes(top, images)
        label = {name: number for number, name in enumerate(classes)}
        position = positions_in_class(images)
        labels = {
            name: (label[own],)
            for name in images
            if (own := class_of(name)) in label and (not self.take or _within(self.take, position[name]))
        }
        if stray := [name for name in self.without if name not in images]:
            raise DataError(f"{top} has no image {name_some(stray)}, which the set is described to be without.")
        labels = {name: own for name, own in labels.items() if name not in self.without}
        gallery = [name for name in labels if self.gallery and _within(self.gallery, position[name])]
        return LabelledImages(
            question=self.question,
            images={name: images[name] for name in labels},
            classes=classes,
            labels=labels,
            pairs=draw_pairs(labels, **self.pairs.model_dump()) if self.pairs else (),
            gallery=tuple(gallery),
            probes=tuple(name for name in labels if name not in set(gallery)) if self.gallery else (),
            origin=folder.resolve(),
            sources=(top,),
        )

    def _classes(self, top: Path, images: Mapping[str, Path]) -> tuple[str, ...]:
        known = sorted({class_of(name) for name in images}, key=natural)
        chosen: dict[str, None] = {}
        for pattern in (name for names in self.classes for name in expand_names(names)):
            matching = [name for name in known if fnmatchcase(name, pattern)]
            if not matching:
                raise DataError(f"There is no class {pattern} in {top}; its folders are {_some(known)}.")
            chosen |= dict.fromkeys(matching)
        return tuple(chosen or known)


def class_of(name: str) -> str:
    """Return the class of an image: the folders in its name."""
    return name.rpartition("/")[0]


def positions_in_class(names: Iterable[str]) -> dict[str, int]:
    """Return the position of each image among those of its class, from 1, by name."""
    counts: Counter[str] = Counter()
    positions = {}
    for name in names:
        counts[class_of(name)] += 1
        positions[name] = counts[class_of(name)]
    return positions


def _within(span: Span, position: int) -> bool:
    return span[0] <= position <= span[1]


def _some(names: Sequence[str]) -> str:
    return name_some(names) or "without images"
