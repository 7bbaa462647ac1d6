"""The contract of metrics of recognition finds what it is there to find."""

import numpy as np
import pytest

import srbench
from helpers.violations import one_violation
from srbench.errors import UnavailableError
from srbench.testing import made_up_answers, violations_of


def nearest(answers):
    names = list(answers.names)
    best = answers.logits.argmax(axis=1)
    return srbench.Result.of_hits(names, [best[row] in answers.labelled.labels[name] for row, name in enumerate(names)])


def metric(score=nearest, **facts):
    return srbench.RecognitionMetricSpec(
        name="mine", label="m", score=score, **{"questions": frozenset({"classification"}), **facts}
    )


def test_a_sound_metric_passes_for_all_its_questions():
    assert violations_of(metric()) == []
    assert violations_of(metric(questions=frozenset({"classification", "multilabel"}))) == []


def in_place(answers):
    answers.embeddings[:] *= 2
    return nearest(answers)


def by_order(answers):
    return srbench.Result(nearest(answers).value * (1 if answers.names[0] == "00/0" else 0.5), {})


def counted():
    numbers = iter(range(100))
    return lambda answers: srbench.Result(nearest(answers).value + 1e-3 * next(numbers), {})


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (metric(questions=frozenset()), "name one or more of classification, multilabel"),
        (metric(questions=frozenset({"detection"})), r"scores the questions ['detection']"),
        (metric(lambda answers: 3.0), "it must give a Result whose value is a finite number"),
        (metric(lambda answers: srbench.Result(np.nan, {})), "a finite number"),
        (metric(in_place), "changes the answers in place"),
        (metric(lambda answers: srbench.Result(nearest(answers).value, {"a": 1000.0})), "not the mean of its items"),
        (metric(by_order), "in another order of images"),
        (metric(higher_is_better=False), "says lower is better, but gives 100.0000 to right answers"),
        (metric(lambda answers: srbench.Result(2 * nearest(answers).value, {})), "leaves [0, 100]"),
        (metric(lambda answers: srbench.Result(answers.missing, {})), "raised AttributeError"),
    ],
)
def test_a_faulty_metric_is_reported_with_its_fault(spec, text):
    one_violation(spec, text)


def test_a_metric_that_gives_other_numbers_each_time_is_reported():
    assert "mine gives two results for the same answers." in violations_of(metric(counted()))


def test_a_metric_that_is_not_available_says_so_instead_of_passing():
    def absent(answers):
        raise UnavailableError("not here")

    with pytest.raises(UnavailableError, match="not here"):
        violations_of(metric(absent))


def test_a_score_of_no_known_class_has_no_contract():
    one_violation(
        srbench.ScoreSpec(name="mine", label="m"),
        "make it a MetricSpec, a SetMetricSpec, a SampleMetricSpec, a RecognitionMetricSpec or a",
    )


def test_made_up_answers_go_from_right_to_random():
    shares = [nearest(made_up_answers("classification", noise=noise)).value for noise in (0, 1.5, 100)]
    assert shares[0] == 100 > shares[1] > 50 > 10 > shares[2]
    pairs = made_up_answers("verification").labelled.pairs
    assert (len(pairs), sum(pair.same for pair in pairs), {pair.fold for pair in pairs}) == (2000, 1000, set(range(10)))
