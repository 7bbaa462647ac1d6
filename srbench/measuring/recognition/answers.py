"""What a recogniser answered about labelled images, and what a score makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from srbench.errors import DataError, ShapeError

if TYPE_CHECKING:
    from srbench.datasets.labelled.images import LabelledImages


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What a model answered about every image of a labelled set."""

    labelled: LabelledImages
    names: tuple[str, ...]
    """Names of the images, in the order of the rows."""
    embeddings: NDArray[np.float64]
    """(N, D)."""
    mirrored: NDArray[np.float64]
    """(N, D): the embeddings of the mirrored images."""
    logits: NDArray[np.float64] | None = None
    """(N, K), a column for each class of ``labelled``; None if the model was trained on other classes."""

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            raise DataError("An image has several answers; give each image one row.")
        tables = {"embeddings": self.embeddings, "mirrored": self.mirrored}
        if self.logits is not None:
            tables["logits"] = self.logits
        for name, table in tables.items():
            if table.ndim != 2 or len(table) != len(self.names):
                raise ShapeError(
                    f"The {name} have shape {table.shape}; expected a row for each of {len(self.names)} images."
                )
            if not np.isfinite(table).all():
                count = int((~np.isfinite(table)).any(axis=1).sum())
                raise DataError(
                    f"The model answered {count} of {len(table)} images with NaN or infinity in its {name}, which no "
                    "score can rank; train it with a lower learning rate."
                )
        if self.embeddings.shape != self.mirrored.shape:
            raise ShapeError(
                f"The embeddings have shape {self.embeddings.shape}, those of the mirrored images "
                f"{self.mirrored.shape}; they must be equal."
            )
        classes = len(self.labelled.classes)
        if self.logits is not None and self.logits.shape[1] != classes:
            raise ShapeError(
                f"The logits have {self.logits.shape[1]} columns for {classes} classes; give one for each class, or "
                "None if the model was trained on other classes."
            )

    def rows(self, names: Iterable[str]) -> NDArray[np.intp]:
        """Return the rows of these images.

        Raises:
            DataError: An image has no answer.
        """
        numbers = {name: row for row, name in enumerate(self.names)}
        try:
            return np.fromiter((numbers[name] for name in names), dtype=np.intp)
        except KeyError as missing:
            raise DataError(f"The model has not answered the image {missing}; answer every image of the set.") from None


class Result(NamedTuple):
    """A score of answers."""

    value: float
    items: Mapping[str, float]
    """Score by image or pair. Their mean is the value; empty for scores that no single item has (EER, mAP)."""

    @classmethod
    def of_hits(cls, names: Sequence[str], hits: ArrayLike, groups: ArrayLike | None = None) -> Result:
        """Return the percentage of hits; with ``groups``, the mean of the percentages of all groups.

        Args:
            names: Names of the items, each once.
            hits: (N,), whether the item is a hit.
            groups: (N,), the group of each item, such as its class. An item of a small group then weighs more, so that
                the mean of the items remains the value; in groups of equal size every item is 0 or 100.
        """
        items = 100.0 * np.asarray(hits, dtype=np.float64)
        if groups is not None:
            _, group, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
            items *= len(items) / (len(sizes) * sizes[group])
        return cls(float(items.mean()), dict(zip(names, items.tolist(), strict=True)))
