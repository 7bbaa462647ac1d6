"""Images with what is known about them: the answers that a recogniser is asked for."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from srbench.imaging.folders import name_some

Question: TypeAlias = Literal["classification", "multilabel", "verification", "identification"]
"""What a recogniser is asked about the images.

``classification``: the one class of an image. ``multilabel``: all classes that an image shows. ``verification``:
whether two images show the same identity. ``identification``: which identity of the gallery a probe shows.
"""


class Pair(NamedTuple):
    """Two images that are compared in verification."""

    left: str
    right: str
    same: bool
    """Whether both show the same identity."""
    fold: int
    """Number of its fold, from 0; the threshold of a fold is chosen on the others."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledImages:
    """The images of a dataset with their labels."""

    question: Question
    images: Mapping[str, Path]
    """File by image name. Without images, the set is not there."""
    classes: tuple[str, ...] = ()
    """Names of the classes or identities; a label is a position in it."""
    labels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Labels by image name: one for classification and identities, none for distractors of a gallery, any number for
    multilabel. Empty for verification sets that have only pairs."""
    ignored: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Classes by image name that do not count for the image: VOC's difficult objects."""
    pairs: tuple[Pair, ...] = ()
    gallery: tuple[str, ...] = ()
    """Images whose identities are known, in identification."""
    probes: tuple[str, ...] = ()
    """Images whose identities are asked for."""
    origin: Path | None = None
    """The folder it was read from. Identities of two sets can be compared if both come from the same folder."""
    sources: tuple[Path, ...] = ()
    """Files and folders besides the images that decided the labels."""

    def summary(self) -> str:
        """Describe the labels in a sentence, with the number of everything."""
        parts = [f"{len(self.classes)} classes"] if self.classes else []
        if self.pairs:
            folds = len({pair.fold for pair in self.pairs})
            same = sum(pair.same for pair in self.pairs)
            parts.append(f"{same} genuine and {len(self.pairs) - same} impostor pairs in {folds} folds")
        if self.gallery or self.probes:
            parts.append(f"{len(self.gallery)} images in the gallery and {len(self.probes)} probes")
        return f"Labels for {self.question}: {', '.join(parts)}."


def joint_hash(pixels: str, labelled: LabelledImages) -> str:
    """Return the hash of a labelled set: of its pixels' hash, and of labels, classes, pairs and splits."""
    content = [
        pixels, labelled.question, labelled.classes, sorted(labelled.labels.items()),
        sorted(labelled.ignored.items()), labelled.pairs, labelled.gallery, labelled.probes,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()


def label_faults(labelled: LabelledImages) -> list[str]:
    """List what does not fit together in a labelled set, a sentence for each fault."""
    return [*_class_faults(labelled), *_pair_faults(labelled), *_gallery_faults(labelled)]


def _class_faults(labelled: LabelledImages) -> Iterator[str]:
    images, classes = labelled.images, labelled.classes
    if twice := [name for name, count in Counter(classes).items() if count > 1]:
        yield f"The class {twice[0]!r} is listed twice; remove one."
    for what, numbers in (("labels", labelled.labels), ("ignored classes", labelled.ignored)):
        if stray := [name for name in numbers if name not in images]:
            yield f"The {what} name images that are not there: {name_some(stray)}."
        known = range(len(classes))
        if wrong := [name for name, own in numbers.items() if any(number not in known for number in own)]:
            yield f"The {what} of {name_some(wrong)} are outside the {len(classes)} classes."
    if labelled.question != "verification" and (without := sorted(images.keys() - labelled.labels.keys())):
        yield f"There is no label for {name_some(without)}."
    if labelled.question != "multilabel":
        distractors = set(labelled.gallery)
        odd = [n for n, own in labelled.labels.items() if len(own) > 1 or not (own or n in distractors)]
        if odd:
            yield f"Every image needs one label; these have several or none: {name_some(odd)}."
    seen = {number for own in labelled.labels.values() for number in own}
    if images and (missing := [name for number, name in enumerate(classes) if number not in seen]):
        yield f"There is no image of {_classes(missing)}; every class needs one."


def _classes(names: list[str]) -> str:
    return f"the class {names[0]}" if len(names) == 1 else f"the classes {name_some(names)}"


def _pair_faults(labelled: LabelledImages) -> Iterator[str]:
    pairs = labelled.pairs
    if labelled.question != "verification":
        if pairs:
            yield f"Pairs are for verification, and the question is {labelled.question}; remove one of them."
        return
    if labelled.images and not pairs:
        yield "There are no pairs, and verification needs them."
    if stray := _unknown(labelled, (name for pair in pairs for name in (pair.left, pair.right))):
        yield f"Pairs name images that are not there: {name_some(stray)}."
    if selves := [pair.left for pair in pairs if pair.left == pair.right]:
        yield f"Pairs compare an image with itself: {name_some(selves)}."
    folds = {pair.fold for pair in pairs}
    if folds != set(range(len(folds))):
        yield f"The folds of the pairs are numbered {name_some([str(fold) for fold in sorted(folds)])}; count from 0."
    for fold in sorted(folds):
        if len({pair.same for pair in pairs if pair.fold == fold}) == 1:
            yield f"Fold {fold} of the pairs needs genuine and impostor pairs and has one kind only."
            return
    labels = labelled.labels
    for pair in pairs:
        left, right = labels.get(pair.left), labels.get(pair.right)
        if left and right and (left == right) is not pair.same:
            kind = "genuine" if pair.same else "impostor"
            yield f"The pair {pair.left} and {pair.right} is called {kind}, which their labels contradict."
            return


def _gallery_faults(labelled: LabelledImages) -> Iterator[str]:
    gallery, probes = labelled.gallery, labelled.probes
    if labelled.question != "identification":
        if gallery or probes:
            yield f"A gallery is for identification, and the question is {labelled.question}; remove one of them."
        return
    if labelled.images and not (gallery and probes):
        yield "Identification needs a gallery and probes, and one of them is empty."
    if stray := _unknown(labelled, (*gallery, *probes)):
        yield f"Gallery or probes name images that are not there: {name_some(stray)}."
    twice = [name for name, count in Counter((*gallery, *probes)).items() if count > 1]
    if twice:
        yield f"Images are in gallery and probes, or twice in one of them: {name_some(twice)}."


def _unknown(labelled: LabelledImages, names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name not in labelled.images))
