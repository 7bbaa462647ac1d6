"""Scores of verification, whether two images show one identity: accuracy over folds, TAR at a FAR, and EER.

An image is described by its embedding and that of its mirror image, one after the other.

Huang et al., Labeled Faces in the Wild, technical report 07-49, University of Massachusetts (2007). The threshold is
chosen as in the released code of Shin et al., Teaching Where to Look, ECCV 2022.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

import srbench

VERIFICATION = frozenset({"verification"})
THRESHOLDS = np.arange(-10_000, 10_001) / 10_000

Vectors = NDArray[np.float64]


def fold_hits(left: Vectors, right: Vectors, same: NDArray[np.bool_], folds: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which pairs are judged rightly, each by what the other folds say.

    The mean of the other folds' images is subtracted, the cosine is taken, and the threshold is the one that judges the
    other folds best. A pair exactly at the threshold is judged wrongly, as in the released code, so a
    model that gives all images one embedding is never right.

    Args:
        left: (P, D), the first images of all pairs.
        right: (P, D), the second images.
        same: (P,), whether a pair shows one identity.
        folds: (P,), the fold of each pair; at least two.
    """
    hits = np.zeros(len(same), dtype=bool)
    for fold in np.unique(folds):
        own = folds == fold
        centre = np.concatenate([left[~own], right[~own]]).mean(axis=0)
        likeness = cosines(left - centre, right - centre)
        threshold = best_threshold(likeness[~own & same], likeness[~own & ~same])
        hits[own] = np.where(same, likeness > threshold, likeness < threshold)[own]
    return hits


def best_threshold(genuine: Vectors, impostor: Vectors) -> float:
    """Return the mean of all `THRESHOLDS` that judge most pairs rightly.

    Args:
        genuine: (G,), the cosines of pairs of one identity.
        impostor: (I,), those of pairs of two.
    """
    above = len(genuine) - np.searchsorted(np.sort(genuine), THRESHOLDS, side="right")
    right = above + np.searchsorted(np.sort(impostor), THRESHOLDS, side="left")
    return float(THRESHOLDS[right == right.max()].mean())


def accepted_at(genuine: Vectors, impostor: Vectors, one_in: int) -> float:
    """Return the share of genuine pairs above the threshold that at most one in so many impostor pairs exceeds."""
    threshold = np.sort(impostor)[::-1][len(impostor) // one_in]
    return float((genuine > threshold).mean())


def equal_error_rate(genuine: Vectors, impostor: Vectors) -> float:
    """Return the rate of errors, in [0, 1], where false acceptances and false rejections are equally frequent.

    Between two thresholds both rates are interpolated linearly, so it is 0.5 if all pairs have one cosine.
    """
    thresholds = np.unique(np.concatenate([genuine, impostor]))[::-1]
    accepted = 1 - np.searchsorted(np.sort(impostor), thresholds, side="left") / len(impostor)
    rejected = np.searchsorted(np.sort(genuine), thresholds, side="left") / len(genuine)
    accepted, rejected = np.concatenate([[0.0], accepted]), np.concatenate([[1.0], rejected])
    return float(np.interp(0.0, accepted - rejected, accepted))


def cosines(left: Vectors, right: Vectors) -> Vectors:
    """Return the cosine of each pair of vectors, (P,); 0 where one of them is 0."""
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    likeness: Vectors = (left * right).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)
    return likeness


def accuracy(answers: srbench.Answers) -> srbench.Result:
    """Score the mean over the folds of the pairs that are judged rightly.

    Raises:
        UnavailableError: All pairs are in one fold.
    """
    folds = _folds(answers)
    return srbench.Result.of_hits(_names(answers), _hits(answers, folds), folds)


def deviation(answers: srbench.Answers) -> srbench.Result:
    """Score how much the accuracies of the folds differ: their standard deviation, divided by their number.

    Raises:
        UnavailableError: All pairs are in one fold.
    """
    folds = _folds(answers)
    hits = _hits(answers, folds)
    return srbench.Result(100 * float(np.std([hits[folds == fold].mean() for fold in np.unique(folds)])), {})


def tar_at_far(answers: srbench.Answers, one_in: int) -> srbench.Result:
    """Score the genuine pairs that are accepted where one in so many impostor pairs is, by plain cosines.

    Raises:
        UnavailableError: There are too few impostor pairs for such a rate, or no genuine ones.
    """
    genuine, impostor = _apart(answers)
    if len(impostor) < one_in:
        raise srbench.UnavailableError(
            f"a false acceptance rate of 1 in {one_in} needs as many impostor pairs; this set has {len(impostor)}"
        )
    return srbench.Result(100 * accepted_at(genuine, impostor, one_in), {})


def eer(answers: srbench.Answers) -> srbench.Result:
    """Score the `equal_error_rate` of plain cosines.

    Raises:
        UnavailableError: There are no genuine or no impostor pairs.
    """
    return srbench.Result(100 * equal_error_rate(*_apart(answers)), {})


def _sides(answers: srbench.Answers) -> tuple[Vectors, Vectors]:
    both = np.concatenate([answers.embeddings, answers.mirrored], axis=1)
    pairs = answers.labelled.pairs
    return both[answers.rows(pair.left for pair in pairs)], both[answers.rows(pair.right for pair in pairs)]


def _same(answers: srbench.Answers) -> NDArray[np.bool_]:
    return np.array([pair.same for pair in answers.labelled.pairs], dtype=bool)


def _folds(answers: srbench.Answers) -> NDArray[np.intp]:
    folds = np.array([pair.fold for pair in answers.labelled.pairs], dtype=np.intp)
    if len(np.unique(folds)) < 2:
        raise srbench.UnavailableError("a threshold is chosen on other folds, and the pairs of this set are in one")
    return folds


def _hits(answers: srbench.Answers, folds: NDArray[np.intp]) -> NDArray[np.bool_]:
    return fold_hits(*_sides(answers), _same(answers), folds)


def _apart(answers: srbench.Answers) -> tuple[Vectors, Vectors]:
    """Return the cosines of genuine pairs and those of impostor pairs."""
    likeness, same = cosines(*_sides(answers)), _same(answers)
    if same.all() or not same.any():
        raise srbench.UnavailableError("needs genuine and impostor pairs; this set has one kind only")
    return likeness[same], likeness[~same]


def _names(answers: srbench.Answers) -> list[str]:
    """Return a name for each pair; the number keeps pairs of the same images apart."""
    return [f"{number:05d} {pair.left} {pair.right}" for number, pair in enumerate(answers.labelled.pairs, start=1)]


@srbench.hookimpl
def register_metrics() -> list[srbench.RecognitionMetricSpec]:
    """Provide accuracy over folds with its deviation, TAR at two FARs, and EER."""
    return [
        srbench.RecognitionMetricSpec(
            name="verification_accuracy", label="Verification", questions=VERIFICATION, score=accuracy
        ),
        srbench.RecognitionMetricSpec(
            name="verification_sd", label="sd of folds", questions=VERIFICATION, score=deviation, higher_is_better=False
        ),
        srbench.RecognitionMetricSpec(
            name="tar_at_far_1e_2", label="TAR@FAR 1e-2", questions=VERIFICATION, score=partial(tar_at_far, one_in=100)
        ),
        srbench.RecognitionMetricSpec(
            name="tar_at_far_1e_3", label="TAR@FAR 1e-3", questions=VERIFICATION, score=partial(tar_at_far, one_in=1000)
        ),
        srbench.RecognitionMetricSpec(
            name="eer", label="EER", questions=VERIFICATION, score=eer, higher_is_better=False
        ),
    ]
