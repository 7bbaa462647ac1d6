"""Score what a model answered about a labelled set, with the interval of each score."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from srbench.errors import reason_of
from srbench.measuring.proportions import is_binary, statistics_for
from srbench.measuring.recognition.answers import Answers, Result
from srbench.measuring.recognition.fronts import FrontScorer
from srbench.measuring.recognition.spec import FrontMetricSpec, RecognitionMetricSpec, RecognitionScoreSpec
from srbench.records.scores import ImageScores, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredAnswers:
    """The scores of a model on a labelled set."""

    scores: dict[str, Score]
    """By metric."""
    items: tuple[ImageScores, ...]
    """The scores of each image or pair that has any; metrics without items have None there."""


def score_answers(
    metrics: Sequence[RecognitionScoreSpec],
    answers: Answers,
    protocol: Callable[[RecognitionScoreSpec], str],
    fronts: FrontScorer | None = None,
) -> ScoredAnswers:
    """Compute all metrics; one that fails, or that scores other questions, is missing with its reason.

    Args:
        metrics: The metrics to compute.
        answers: What the model answered.
        protocol: Returns the full protocol id of a metric.
        fronts: Has scored what the model was fed; None if that is not known.
    """
    scores: dict[str, Score] = {}
    table: dict[str, dict[str, float | None]] = {}
    for metric in metrics:
        result, reason = _result(metric, answers, fronts)
        values = list(result.items.values())
        binary = is_binary(values)
        low, high = statistics_for(binary=binary).interval(values) or (None, None)
        scores[metric.name] = Score(
            metric=metric.name, label=metric.label, column=metric.column, protocol=protocol(metric), binary=binary,
            higher_is_better=metric.higher_is_better, decimals=metric.decimals, of_input=metric.of_input,
            value=None if reason else result.value, reason=reason, low=low, high=high,
        )  # fmt: skip
        for name, value in result.items.items():
            table.setdefault(name, dict.fromkeys(other.name for other in metrics))[metric.name] = value
    return ScoredAnswers(scores=scores, items=tuple(ImageScores(name=name, scores=own) for name, own in table.items()))


def _result(metric: RecognitionScoreSpec, answers: Answers, fronts: FrontScorer | None) -> tuple[Result, str | None]:
    """Return the result and no reason, or no result and the reason why."""
    nothing, question = Result(math.nan, {}), answers.labelled.question
    if isinstance(metric, FrontMetricSpec):
        return fronts.result(metric) if fronts else (nothing, "what the recogniser was fed is not known")
    if not isinstance(metric, RecognitionMetricSpec):
        return nothing, f"a {type(metric).__name__} scores neither answers nor what is fed"
    if question not in metric.questions:
        return nothing, f"scores {metric.scored}, and the question of this set is {question}"
    try:
        result = metric.score(answers)
    except Exception as error:  # noqa: BLE001 - a metric's own failure is a reason, not a crash
        return nothing, reason_of(error)
    if not math.isfinite(result.value):
        return nothing, f"the metric gave no number ({result.value})"
    return result, None
