"""CUB-200-2011 and FGVC-Aircraft: classes that look much the same, listed in text files."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal

from srbench.datasets.labelled.images import LabelledImages
from srbench.datasets.labelled.index_files import by_number, read_lines
from srbench.datasets.labelled.layout import Layout, inside
from srbench.errors import DataError

_PATH_LINE = "write NUMBER PATH"
_CLASS_LINE = "write NUMBER CLASS"
_FLAG_LINE = "write NUMBER and 1 (train) or 0 (test)"
_AIRCRAFT_LINE = "write ID CLASS, the class one of {}"


class Cub(Layout):
    """The description of a part of CUB-200-2011; its bounding boxes are not used."""

    question: Literal["classification"]
    part: Literal["train", "test"]

    def landmark(self, folder: Path) -> Path:
        """Return the list of the images."""
        return folder / "images.txt"

    def read(self, folder: Path) -> LabelledImages:
        """Read ``images.txt``, ``classes.txt``, ``image_class_labels.txt`` and ``train_test_split.txt``.

        Raises:
            DataError: One of them is missing or malformed, or they do not fit together.
        """
        class_file, split_file = folder / "image_class_labels.txt", folder / "train_test_split.txt"
        path_file, name_file = folder / "images.txt", folder / "classes.txt"
        paths, classes = by_number(path_file, _PATH_LINE), by_number(name_file, _CLASS_LINE)
        of_image, splits = by_number(class_file, _CLASS_LINE), by_number(split_file, _FLAG_LINE)
        position = {str(number): place for place, number in enumerate(sorted(classes))}
        wanted = "1" if self.part == "train" else "0"
        images, labels = {}, {}
        for number, path in paths.items():
            split, own = splits.get(number), of_image.get(number)
            if split not in {"0", "1"}:
                raise DataError(f"{split_file} says {split} for image {number}; {_FLAG_LINE}.")
            if own not in position:
                raise DataError(f"{class_file} says class {own} for image {number}, which classes.txt does not list.")
            folder_class, listed_class = PurePosixPath(path).parent.name, classes[int(own)]
            if folder_class != listed_class:
                raise DataError(f"The image {path} is labelled {listed_class} in {class_file}; its folder disagrees.")
            if split == wanted:
                name = str(PurePosixPath(path).with_suffix(""))
                images[name], labels[name] = inside(folder / "images", path), (position[own],)
        return LabelledImages(
            question=self.question,
            images=images,
            classes=tuple(classes[number] for number in sorted(classes)),
            labels=labels,
            origin=folder.resolve(),
            sources=(path_file, name_file, class_file, split_file),
        )


class Aircraft(Layout):
    """The description of a part of FGVC-Aircraft at one level of its classes."""

    question: Literal["classification"]
    part: Literal["train", "val", "trainval", "test"]
    level: Literal["variant", "family", "manufacturer"]

    def landmark(self, folder: Path) -> Path:
        """Return the list of the part."""
        return folder / "data" / f"images_{self.level}_{self.part}.txt"

    def read(self, folder: Path) -> LabelledImages:
        """Read the list of the part and the list of the classes of the level.

        Raises:
            DataError: One of them is missing or malformed, or an image has an unknown class.
        """
        plural = "families" if self.level == "family" else f"{self.level}s"
        class_file, image_file = folder / "data" / f"{plural}.txt", self.landmark(folder)
        classes = tuple(map(str, read_lines(class_file)))
        label = {name: number for number, name in enumerate(classes)}
        images, labels = {}, {}
        expected = _AIRCRAFT_LINE.format(class_file.name)
        for line in read_lines(image_file):
            image, own = line.fields(2, expected)
            if own not in label or image in images:
                raise line.fault("the image is listed twice" if image in images else expected)
            images[image], labels[image] = inside(folder / "data" / "images", f"{image}.jpg"), (label[own],)
        return LabelledImages(
            question=self.question,
            images=images,
            classes=classes,
            labels=labels,
            origin=folder.resolve(),
            sources=(class_file, image_file),
        )
