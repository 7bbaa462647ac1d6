"""TinyFace: faces of about 20 × 16 pixels; probes, their matches, and distractors without identity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from srbench.datasets.labelled.images import LabelledImages
from srbench.datasets.labelled.layout import Layout, images_below
from srbench.errors import DataError

PROBES, MATCHES = "Probe", "Gallery_Match"
DISTRACTORS = ("Gallery_Distractor", "Gallery_Disctractor")
"""Names of the folder of distractors; the second is the spelling of the authors' README."""
TRAIN = "Train"


class TinyFace(Layout):
    """The description of TinyFace: its training images, or its gallery and probes."""

    question: Literal["classification", "identification"]

    def landmark(self, folder: Path) -> Path:
        """Return the folder of the training images or of the probes."""
        return folder / (TRAIN if self.question == "classification" else PROBES)

    def read(self, folder: Path) -> LabelledImages:
        """Read the images; the identity of a face is the number before the first ``_`` of its file name.

        Raises:
            DataError: A folder is missing, or a name has no such number.
        """
        if self.question == "classification":
            return self._assembled(folder, _faces(folder, TRAIN), {}, {})
        distractors = next((name for name in DISTRACTORS if (folder / name).is_dir()), DISTRACTORS[0])
        probes, matches = _faces(folder, PROBES), _faces(folder, MATCHES)
        return self._assembled(folder, probes, matches, _faces(folder, distractors))

    def _assembled(
        self, folder: Path, faces: Mapping[str, Path], matches: Mapping[str, Path], distractors: Mapping[str, Path]
    ) -> LabelledImages:
        identities = {name: _identity(path) for name, path in (*faces.items(), *matches.items())}
        classes = sorted(set(identities.values()))
        number = {identity: position for position, identity in enumerate(classes)}
        labels = {name: (number[identity],) for name, identity in identities.items()}
        identification = self.question == "identification"
        return LabelledImages(
            question=self.question,
            images={**faces, **matches, **distractors},
            classes=tuple(map(str, classes)),
            labels={**labels, **dict.fromkeys(distractors, ())},
            gallery=(*matches, *distractors),
            probes=tuple(faces) if identification else (),
            origin=folder.resolve(),
        )


def _faces(folder: Path, name: str) -> dict[str, Path]:
    if not (folder / name).is_dir():
        raise DataError(f"There is no folder {folder / name}; TinyFace has {PROBES}, {MATCHES} and {DISTRACTORS[0]}.")
    return {f"{name}/{face}": path for face, path in images_below(folder / name).items()}


def _identity(path: Path) -> int:
    number, _, _ = path.name.partition("_")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise DataError(f"The name of {path} does not begin with the number of an identity and _.")
    return int(number)
