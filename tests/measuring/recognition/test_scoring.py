"""Scores of answers, with their items, intervals and reasons."""

from functools import partial

import pytest

import srbench
from srbench.errors import UnavailableError
from srbench.measuring.proportions import proportion_interval
from srbench.measuring.recognition.scoring import score_answers
from srbench.measuring.uncertainty import mean_interval
from srbench.testing import made_up_answers

ANSWERS = made_up_answers("classification", noise=2)


def spec(name, score, *questions):
    return srbench.RecognitionMetricSpec(
        name=name, label=name, questions=frozenset(questions or {"classification"}), score=score
    )


def constant(answers, value):
    return srbench.Result(float(value), {})


def broken(answers):
    raise ZeroDivisionError("mine")


def absent(answers):
    raise UnavailableError("needs a hundred classes")


def whole(answers):
    hits = [row % 4 > 0 for row in range(len(answers.names))]
    return srbench.Result.of_hits(answers.names, hits)


def halves(answers):
    return srbench.Result(62.5, {"a": 75.0, "b": 50.0})


def scored(*specs):
    return score_answers(specs, ANSWERS, lambda metric: f"{metric.name}@mine")


def test_a_score_of_right_and_wrong_has_the_interval_of_a_proportion():
    found = scored(spec("whole", whole), spec("halves", halves))
    score = found.scores["whole"]
    assert (score.value, score.binary, score.column, score.protocol) == (75.0, True, "whole_percent", "whole@mine")
    assert score.decimals == 2
    assert (score.low, score.high) == proportion_interval([0.0] * 60 + [100.0] * 180)
    assert not found.scores["halves"].binary
    assert (found.scores["halves"].low, found.scores["halves"].high) == mean_interval([75, 50])


def test_every_item_has_a_place_for_every_metric():
    found = scored(spec("whole", whole), spec("halves", halves))
    assert len(found.items) == 242
    assert found.items[0].scores == {"whole": 0.0, "halves": None}
    assert found.items[-1].scores == {"whole": None, "halves": 50.0}


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (spec("mine", broken), "ZeroDivisionError: mine"),
        (spec("mine", absent), "needs a hundred classes"),
        (spec("mine", partial(constant, value="nan")), "the metric gave no number (nan)"),
        (spec("mine", partial(constant, value="inf")), "the metric gave no number (inf)"),
        (spec("mine", whole, "multilabel", "verification"), "scores multilabel, verification, and the question"),
    ],
)
def test_a_score_that_cannot_be_given_has_a_reason_and_the_others_are_computed(metric, reason):
    found = scored(metric, spec("whole", whole))
    score = found.scores["mine"]
    assert score.value is None
    assert score.reason.startswith(reason)
    assert (score.low, score.high, score.binary) == (None, None, False)
    assert found.scores["whole"].value == 75


def test_a_score_without_items_has_no_interval():
    found = scored(spec("eer", partial(constant, value=5)))
    assert found.items == ()
    assert (found.scores["eer"].value, found.scores["eer"].low) == (5.0, None)
