"""Accuracy and average precision against outside values, and what must hold for any logits."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.metrics.classification import average_precision, places, register_metrics

import srbench
from helpers import ORACLES
from srbench.datasets.labelled.images import LabelledImages
from srbench.errors import UnavailableError
from srbench.testing import made_up_answers

METRICS = {spec.name: spec for spec in register_metrics()}
LOGITS = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).integers(-3, 4, (12, 7)).astype(float))
"""Of whole numbers, so that some are equal."""


def answers_of(logits, labels, question="classification", ignored=()):
    """Make answers with these logits; ``labels`` are numbers, or tuples of numbers."""
    names = tuple(f"image {number}" for number in range(len(labels)))
    each = [tuple(own) if np.ndim(own) else (int(own),) for own in labels]
    labelled = LabelledImages(
        question=question, images={name: Path(name) for name in names}, labels=dict(zip(names, each, strict=True)),
        classes=tuple(map(str, range(logits.shape[1]))), ignored={names[row]: own for row, own in ignored},
    )  # fmt: skip
    nothing = np.zeros((len(names), 1))
    return srbench.Answers(labelled=labelled, names=names, embeddings=nothing, mirrored=nothing, logits=logits)


def test_the_columns_say_percent():
    assert [spec.column for spec in METRICS.values()] == [
        "top1_percent", "top5_percent", "mean_per_class_percent", "map_voc07_percent",
    ]  # fmt: skip
    assert {spec.decimals for spec in METRICS.values()} == {2}


def test_accuracies_equal_outside_values():
    oracle = np.load(ORACLES / "recognition/classification_topk.npz")
    answers = answers_of(oracle["logits"], oracle["label"])
    assert METRICS["top1"].score(answers).value == pytest.approx(float(oracle["top1"]), abs=1e-12)
    assert METRICS["mean_per_class"].score(answers).value == pytest.approx(float(oracle["mean_class_acc"]), abs=1e-12)
    within_two = places(oracle["logits"], oracle["label"]) < 2
    assert 100 * within_two.mean() == pytest.approx(float(oracle["top2"]), abs=1e-12)


def test_average_precision_equals_the_outside_value():
    oracle = np.load(ORACLES / "recognition/voc_ap.npz")
    shown = oracle["label"] > 0
    assert average_precision(oracle["score"], shown) == pytest.approx(float(oracle["ap_11point"]), abs=1e-15)
    twice = answers_of(
        np.stack([oracle["score"]] * 2, axis=1), [(0, 1) if own else () for own in shown], question="multilabel"
    )
    assert METRICS["map_voc07"].score(twice) == (pytest.approx(100 * float(oracle["ap_11point"])), {})


def test_three_of_ten_positives_reach_the_recall_of_three_tenths():
    scores, shown = -np.arange(100.0), np.zeros(100, dtype=bool)
    shown[[0, 1, 2, *range(93, 100)]] = True  # precision is 1 up to a recall of 0.3, and at most 0.1 beyond
    assert average_precision(scores, shown) == pytest.approx((4 * 1 + 7 * 0.1) / 11)


def test_a_difficult_image_counts_neither_for_nor_against_its_class():
    logits = np.array([[3.0, 0.0], [2.0, 0.0], [1.0, 1.0]])
    labels = [(0,), (), (0, 1)]
    with_it, without = (
        METRICS["map_voc07"].score(answers_of(logits, labels, "multilabel", ignored)).value
        for ignored in ((), [(1, (0,))])
    )
    assert with_it < without == 100


@given(LOGITS)
def test_five_guesses_are_right_at_least_as_often_as_one(logits):
    labels = np.arange(12) % 7
    one, five = (METRICS[name].score(answers_of(logits, labels)) for name in ("top1", "top5"))
    assert all(five.items[name] >= value for name, value in one.items.items())
    assert set(one.items.values()) <= {0.0, 100.0}
    assert one.value == pytest.approx(np.mean(list(one.items.values())))


@given(LOGITS, st.permutations(range(12)))
def test_the_order_of_images_changes_nothing(logits, order):
    labels = np.arange(12) % 7
    for name in ("top1", "top5", "mean_per_class"):
        one = METRICS[name].score(answers_of(logits, labels)).value
        assert METRICS[name].score(answers_of(logits[order], labels[order])).value == pytest.approx(one)


@given(LOGITS)
def test_of_equal_logits_the_first_class_is_the_answer(logits):
    labels = np.arange(12) % 7
    hits = list(METRICS["top1"].score(answers_of(logits, labels)).items.values())
    assert hits == (100 * (logits.argmax(axis=1) == labels)).tolist()
    constant = METRICS["top1"].score(answers_of(logits * 0, labels)).value
    assert constant == pytest.approx(100 * 2 / 12), "chance, not certainty"


def test_a_class_counts_as_much_as_any_other_by_its_mean():
    logits = np.eye(3)[[0, 0, 0, 1]]
    result = METRICS["mean_per_class"].score(answers_of(logits, [0, 0, 0, 2]))
    assert result.value == pytest.approx(50)
    assert list(result.items.values()) == pytest.approx([200 / 3] * 3 + [0])


def test_in_classes_of_equal_size_every_image_scores_0_or_100():
    answers = made_up_answers("classification", noise=2)
    mean, top1 = METRICS["mean_per_class"].score(answers), METRICS["top1"].score(answers)
    assert mean == top1
    assert set(mean.items.values()) == {0.0, 100.0}


def test_what_cannot_be_scored_is_missing_with_a_reason():
    answers = answers_of(np.eye(5), np.arange(5))
    with pytest.raises(UnavailableError, match="among the 5 best of 5 classes"):
        METRICS["top5"].score(answers)
    others = srbench.Answers(
        labelled=answers.labelled, names=answers.names, embeddings=answers.embeddings, mirrored=answers.mirrored
    )
    for name in ("top1", "top5", "mean_per_class", "map_voc07"):
        with pytest.raises(UnavailableError, match="trained on other classes"):
            METRICS[name].score(others)
    with pytest.raises(UnavailableError, match="no image shows any"):
        METRICS["map_voc07"].score(answers_of(np.eye(2), [(), ()], "multilabel"))
