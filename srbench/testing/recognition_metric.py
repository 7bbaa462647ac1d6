"""The contract of a metric of recognition."""

from __future__ import annotations

import math
from statistics import fmean
from typing import get_args

import numpy as np

from srbench.datasets.labelled.images import Question
from srbench.measuring.recognition.answers import Answers, Result
from srbench.measuring.recognition.spec import RecognitionMetricSpec
from srbench.testing.answers import made_up_answers
from srbench.testing.contract import Violations

NOISE = 100.0
"""Answers with so much noise are random."""


def check(spec: RecognitionMetricSpec, found: Violations) -> None:
    """Collect the rules that a metric of recognition breaks.

    Raises:
        UnavailableError: It is not available on this machine.
    """
    known: tuple[Question, ...] = get_args(Question)
    if not found.expect(
        spec.questions and spec.questions <= set(known),
        f"{spec.name} scores the questions {sorted(spec.questions)}; name one or more of {', '.join(known)}.",
    ):
        return
    for question in (question for question in known if question in spec.questions):
        _check_question(spec, question, found)


def _check_question(spec: RecognitionMetricSpec, question: Question, found: Violations) -> None:
    answers = made_up_answers(question, noise=1.5)
    before = [answers.embeddings.copy(), answers.mirrored.copy(), _logits(answers).copy()]
    result = spec.score(answers)
    if not found.expect(
        isinstance(result, Result) and math.isfinite(result.value),
        f"{spec.name} gave {result!r:.60} for {question}; it must give a Result whose value is a finite number.",
    ):
        return
    after = [answers.embeddings, answers.mirrored, _logits(answers)]
    found.expect(all(map(np.array_equal, before, after)), f"{spec.name} changes the answers in place.")
    found.expect(spec.score(answers) == result, f"{spec.name} gives two results for the same answers.")
    found.expect(
        not result.items or math.isclose(fmean(result.items.values()), result.value, rel_tol=1e-9, abs_tol=1e-9),
        f"{spec.name} gave {result.value} for {question}, which is not the mean of its items.",
    )
    other = spec.score(_backwards(answers))
    found.expect(
        math.isclose(other.value, result.value, rel_tol=1e-9, abs_tol=1e-9)
        and other.items.keys() == result.items.keys(),
        f"{spec.name} scores the same answers differently in another order of images.",
    )
    right, random = (spec.score(made_up_answers(question, noise=noise)).value for noise in (0.0, NOISE))
    better = "higher" if spec.higher_is_better else "lower"
    found.expect(
        right > random if spec.higher_is_better else right < random,
        f"{spec.name} says {better} is better, but gives {right:.4f} to right answers and {random:.4f} to random ones.",
    )
    found.expect(
        spec.unit != "%" or all(0 <= value <= 100 for value in (right, random, result.value)),
        f"{spec.name} says its unit is %, but leaves [0, 100].",
    )


def _logits(answers: Answers) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.empty(0) if answers.logits is None else answers.logits


def _backwards(answers: Answers) -> Answers:
    return Answers(
        labelled=answers.labelled, names=answers.names[::-1], embeddings=answers.embeddings[::-1],
        mirrored=answers.mirrored[::-1], logits=_logits(answers)[::-1],
    )  # fmt: skip
