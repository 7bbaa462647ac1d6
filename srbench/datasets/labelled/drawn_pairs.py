"""Verification pairs drawn from images with identities, the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from srbench.datasets.labelled.images import Pair
from srbench.errors import DataError


def draw_pairs(labels: Mapping[str, tuple[int, ...]], *, impostors: int, seed: int, folds: int) -> tuple[Pair, ...]:
    """Take every genuine pair, and draw impostor pairs without repetition.

    The impostor pairs with the smallest of the words that PCG64 draws for them are taken, a 64-bit word for each pair
    in the order of the images. Unlike NumPy's sampling functions, the words are the same in all versions of NumPy. Both
    kinds are cut into blocks, one a fold: genuine pairs in the order of the images, impostor pairs as they were drawn.

    Args:
        labels: The one label of each image, by name.
        impostors: Number of impostor pairs.
        seed: Seed of PCG64.
        folds: Number of folds, which divides both numbers of pairs.

    Returns:
        The pairs, by fold, the genuine ones of a fold first.

    Raises:
        DataError: There are fewer impostor pairs, or the folds do not divide the pairs.
    """
    import numpy as np

    both = list(combinations(labels, 2))
    genuine = [pair for pair in both if labels[pair[0]] == labels[pair[1]]]
    others = [pair for pair in both if labels[pair[0]] != labels[pair[1]]]
    if len(others) < impostors:
        raise DataError(f"{impostors} impostor pairs are to be drawn, and the images make {len(others)}.")
    if len(genuine) % folds or impostors % folds:
        raise DataError(
            f"{len(genuine)} genuine and {impostors} impostor pairs cannot be cut into {folds} equal folds; "
            "an image of the set is missing or does not belong to it."
        )
    order = np.argsort(np.random.PCG64(seed).random_raw(len(others)), kind="stable")[:impostors]
    drawn = [others[index] for index in order.tolist()]
    return tuple(
        Pair(left, right, same, fold)
        for fold in range(folds)
        for pairs, same in ((genuine, True), (drawn, False))
        for left, right in pairs[fold * len(pairs) // folds : (fold + 1) * len(pairs) // folds]
    )
