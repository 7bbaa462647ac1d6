"""Scores of classifiers: top-1, top-5 and mean per-class accuracy, and the mean average precision of VOC2007.

Everingham et al., The PASCAL Visual Object Classes (VOC) Challenge, IJCV 88 (2010).
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

import srbench

CLASSIFICATION, MULTILABEL = frozenset({"classification"}), frozenset({"multilabel"})
RECALLS = np.arange(11) / 10
"""The recalls at which precision is read, exact tenths: three of ten positives reach 0.3. A port that counts 0.3 as
3 * 0.1, which is the next double, misses it."""


def places(logits: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the place of the right class among all, 0 for the best; of equal logits the first class comes first.

    Args:
        logits: (N, K).
        labels: (N,), the right class of each image.
    """
    own = np.take_along_axis(logits, labels[:, None], axis=1)
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    before: NDArray[np.intp] = ((logits > own) | ((logits == own) & earlier)).sum(axis=1)
    return before


def average_precision(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Return the 11-point average precision of one class, in [0, 1].

    It is the mean, over `RECALLS`, of the best precision at that recall or a higher one. Images of equal scores stay in
    their order.

    Args:
        scores: (N,), larger for images that rather show the class.
        positive: (N,), whether they do; at least one must.
    """
    found = positive[np.argsort(-scores, kind="stable")].cumsum()
    precision, recall = found / np.arange(1, len(found) + 1), found / found[-1]
    return float(np.mean([precision[recall >= level].max(initial=0.0) for level in RECALLS]))


def top_k(answers: srbench.Answers, k: int) -> srbench.Result:
    """Score the images whose right class is among the k best.

    Raises:
        UnavailableError: There are no logits, or so few classes that every answer is right.
    """
    logits = _logits(answers)
    if k > 1 and logits.shape[1] <= k:
        raise srbench.UnavailableError(
            f"every answer is among the {k} best of {logits.shape[1]} classes; needs more classes"
        )
    return srbench.Result.of_hits(answers.names, places(logits, _labels(answers)) < k)


def mean_per_class(answers: srbench.Answers) -> srbench.Result:
    """Score top-1 accuracy, with every class that occurs among the images counting equally.

    Raises:
        UnavailableError: There are no logits.
    """
    labels = _labels(answers)
    return srbench.Result.of_hits(answers.names, places(_logits(answers), labels) == 0, labels)


def map_voc07(answers: srbench.Answers) -> srbench.Result:
    """Score the mean of `average_precision` over the classes that occur, without the images that are difficult for one.

    Raises:
        UnavailableError: There are no logits.
    """
    logits, labelled = _logits(answers), answers.labelled
    shown, ignored = np.zeros(logits.shape, dtype=bool), np.zeros(logits.shape, dtype=bool)
    for row, name in enumerate(answers.names):
        shown[row, list(labelled.labels[name])] = True
        ignored[row, list(labelled.ignored.get(name, ()))] = True
    counted = ~ignored
    found = [
        average_precision(logits[counted[:, k], k], shown[counted[:, k], k])
        for k in range(logits.shape[1])
        if (shown & counted)[:, k].any()
    ]
    if not found:
        raise srbench.UnavailableError("no image shows any of the classes")
    return srbench.Result(100 * float(np.mean(found)), {})


def _logits(answers: srbench.Answers) -> NDArray[np.float64]:
    if answers.logits is None:
        raise srbench.UnavailableError("the model was trained on other classes, so it has no logits for these")
    return answers.logits


def _labels(answers: srbench.Answers) -> NDArray[np.intp]:
    return np.array([answers.labelled.labels[name][0] for name in answers.names], dtype=np.intp)


@srbench.hookimpl
def register_metrics() -> list[srbench.RecognitionMetricSpec]:
    """Provide the scores of classification, and mAP for images with several labels."""
    return [
        srbench.RecognitionMetricSpec(name="top1", label="Top-1", questions=CLASSIFICATION, score=partial(top_k, k=1)),
        srbench.RecognitionMetricSpec(name="top5", label="Top-5", questions=CLASSIFICATION, score=partial(top_k, k=5)),
        srbench.RecognitionMetricSpec(
            name="mean_per_class", label="Mean per class", questions=CLASSIFICATION, score=mean_per_class
        ),
        srbench.RecognitionMetricSpec(name="map_voc07", label="mAP (VOC2007)", questions=MULTILABEL, score=map_voc07),
    ]
