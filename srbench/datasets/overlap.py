"""Keep test images out of training, including copies that were re-saved, resized or slightly altered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srbench.datasets.image_facts import THUMBNAIL, ImageFacts, image_facts
from srbench.errors import DataError

SIMILARITY = 0.99
"""Two thumbnails that correlate more than this show one picture. Copies that were halved in size or compressed to JPEG
quality 30 keep 0.998; the closest pair between T91 or General100 and the classical test sets reaches 0.85."""

_BLOCK = 256
"""Test images that are compared with all training images at once, which bounds the memory for sets of millions."""


def overlap(train: Mapping[str, Path], test: Mapping[str, Path]) -> list[str]:
    """Find test images among the training images.

    Args:
        train: Training images by name.
        test: Test images by name.

    Returns:
        A sentence for each pair that is the same picture, by pixels or by look; empty if the sets are disjoint.

    Raises:
        DataError: An image cannot be read.
    """
    facts, broken = image_facts([*train.values(), *test.values()])
    for text in broken.values():
        raise DataError(text)
    by_hash: dict[str, list[str]] = {}
    for name, path in train.items():
        by_hash.setdefault(facts[path].sha256, []).append(name)
    texts = []
    known, outlines = list(train), _outlines(facts, train)
    tested = list(test.items())
    for start in range(0, len(tested), _BLOCK):
        block = dict(tested[start : start + _BLOCK])
        likeness = _outlines(facts, block) @ outlines.T
        for (name, path), row in zip(block.items(), likeness, strict=True):
            same = by_hash.get(facts[path].sha256, [])
            close = [known[column] for column in np.flatnonzero(row > SIMILARITY)]
            texts += [f"The training image {own} is the test image {name}, pixel by pixel." for own in same]
            texts += [
                f"The training image {own} shows the same picture as the test image {name}."
                for own in close
                if own not in same
            ]
    return texts


def assert_disjoint(train: Mapping[str, Path], test: Mapping[str, Path]) -> None:
    """Refuse a training whose images are among the test images.

    Raises:
        DataError: They overlap; names the first pairs.
    """
    if found := overlap(train, test):
        more = f" And {len(found) - 3} more pairs." if len(found) > 3 else ""
        raise DataError(f"{' '.join(found[:3])}{more} Scores would be worthless; train on another dataset.")


def _outlines(facts: Mapping[Path, ImageFacts], images: Mapping[str, Path]) -> NDArray[np.float64]:
    """Thumbnails (N, 256) with mean 0 and length 1, so that their products are correlations; flat ones become 0."""
    joined = b"".join(facts[path].thumbnail for path in images.values())
    rows = np.frombuffer(joined, np.uint8).astype(np.float64).reshape(len(images), THUMBNAIL**2)
    rows -= rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    outlines: NDArray[np.float64] = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return outlines
