"""Verification against outside values, and what must hold for any pairs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.metrics.verification import (
    THRESHOLDS,
    accepted_at,
    best_threshold,
    cosines,
    equal_error_rate,
    fold_hits,
    register_metrics,
)

import srbench
from helpers import ORACLES
from srbench.datasets.labelled.images import LabelledImages, Pair
from srbench.errors import UnavailableError
from srbench.testing import made_up_answers

METRICS = {spec.name: spec for spec in register_metrics()}
COSINES = st.lists(st.integers(-10, 10).map(lambda tenths: tenths / 10), min_size=1, max_size=20).map(np.array)


def answers_of(left, right, same, folds):
    """Make answers whose pairs have these embeddings, split into those of image and mirror image."""
    count, half = len(left), left.shape[1] // 2
    names = tuple(f"{side}{number}" for side in "lr" for number in range(count))
    labelled = LabelledImages(
        question="verification", images={name: Path(name) for name in names},
        pairs=tuple(Pair(f"l{n}", f"r{n}", bool(same[n]), int(folds[n])) for n in range(count)),
    )  # fmt: skip
    both = np.concatenate([left, right])
    return srbench.Answers(labelled=labelled, names=names, embeddings=both[:, :half], mirrored=both[:, half:])


def one_kind(same, folds=(0, 1)):
    """Make two pairs of one kind."""
    vectors = np.eye(2)
    return answers_of(vectors, vectors, [same] * 2, folds)


def test_accuracy_over_ten_folds_equals_the_released_code():
    oracle = np.load(ORACLES / "recognition/askd_verify10fold.npz")
    same = oracle["flag"] > 0
    hits = fold_hits(oracle["featL"], oracle["featR"], same, oracle["fold"])
    assert [hits[oracle["fold"] == fold].mean() for fold in range(10)] == pytest.approx(oracle["acc"], abs=1e-12)
    answers = answers_of(oracle["featL"], oracle["featR"], same, oracle["fold"])
    result = METRICS["verification_accuracy"].score(answers)
    assert result.value == pytest.approx(100 * float(oracle["value_mean"]), abs=1e-12)
    assert set(result.items.values()) == {0.0, 100.0}, "folds of equal size"
    assert np.mean(list(result.items.values())) == pytest.approx(result.value)
    assert METRICS["verification_sd"].score(answers).value == pytest.approx(100 * np.std(oracle["acc"]))


def test_folds_of_unequal_size_count_equally():
    generator = np.random.default_rng(2)
    left, right = generator.normal(size=(2, 30, 4))
    same, folds = np.arange(30) % 2 == 0, np.repeat([0, 1, 2], [5, 10, 15])
    result = METRICS["verification_accuracy"].score(answers_of(left, right, same, folds))
    hits = fold_hits(left, right, same, folds)
    assert result.value == pytest.approx(100 * np.mean([hits[folds == fold].mean() for fold in range(3)]))
    assert np.mean(list(result.items.values())) == pytest.approx(result.value)


@given(COSINES, COSINES)
def test_the_threshold_is_the_mean_of_all_that_judge_most_pairs_rightly(genuine, impostor):
    chosen = best_threshold(genuine, impostor)
    right = (genuine > THRESHOLDS[:, None]).sum(1) + (impostor < THRESHOLDS[:, None]).sum(1)
    assert chosen == pytest.approx(THRESHOLDS[right == right.max()].mean())
    assert (genuine > chosen).sum() + (impostor < chosen).sum() <= right.max()


@given(COSINES, COSINES)
def test_the_equal_error_rate_is_a_share_and_the_same_from_both_sides(genuine, impostor):
    rate = equal_error_rate(genuine, impostor)
    assert 0 <= rate <= 1
    assert equal_error_rate(-impostor, -genuine) == pytest.approx(rate, abs=1e-9)


@given(COSINES, COSINES)
def test_pairs_that_a_threshold_separates_have_no_equal_error(genuine, impostor):
    assert equal_error_rate(genuine + 2.1, impostor) == 0
    assert equal_error_rate(genuine, impostor + 2.1) == 1


def test_the_equal_error_rate_lies_where_both_rates_cross():
    assert equal_error_rate(np.array([0.5, 0.5]), np.array([0.5])) == 0.5, "a coin"
    assert equal_error_rate(np.array([0.1, 0.8, 0.9, 1.0]), np.array([0.0, 0.0, 0.0, 0.85])) == pytest.approx(0.25)
    normal = np.random.default_rng(0).normal(size=(2, 20_000))
    assert equal_error_rate(normal[0] + 2, normal[1]) == pytest.approx(0.1587, abs=0.004)  # 1 - Φ(1)


def test_the_rate_of_false_acceptances_is_never_exceeded():
    generator = np.random.default_rng(3)
    genuine, impostor = generator.normal(1, 1, 500), generator.normal(0, 1, 1000)
    for one_in in (1000, 100, 7):
        share = accepted_at(genuine, impostor, one_in)
        loosest = np.sort(genuine)[::-1][round(share * 500) - 1]
        assert (impostor >= loosest).mean() <= 1 / one_in
    assert accepted_at(np.array([0.5]), np.array([0.5] * 100), 100) == 0, (
        "genuine pairs like impostors are not accepted"
    )


def test_a_rate_that_the_impostors_cannot_show_is_missing_with_a_reason():
    answers = made_up_answers("verification", noise=1)
    assert METRICS["tar_at_far_1e_3"].score(answers).value <= METRICS["tar_at_far_1e_2"].score(answers).value
    pairs = [pair for pair in answers.labelled.pairs if not pair.same or pair.fold]
    few = [pair for number, pair in enumerate(pairs) if pair.same or number % 3]
    labelled = LabelledImages(question="verification", images=answers.labelled.images, pairs=tuple(few))
    fewer = srbench.Answers(
        labelled=labelled, names=answers.names, embeddings=answers.embeddings, mirrored=answers.mirrored
    )
    with pytest.raises(UnavailableError, match=r"1 in 1000 needs as many impostor pairs; this set has 66"):
        METRICS["tar_at_far_1e_3"].score(fewer)
    assert METRICS["tar_at_far_1e_2"].score(fewer).value > 0


def test_pairs_of_one_kind_or_one_fold_are_no_basis():
    for name in ("eer", "tar_at_far_1e_2"):
        with pytest.raises(UnavailableError, match="one kind only"):
            METRICS[name].score(one_kind(same=True))
    for name in ("verification_accuracy", "verification_sd"):
        with pytest.raises(UnavailableError, match="are in one"):
            METRICS[name].score(one_kind(same=True, folds=(3, 3)))


def test_a_vector_of_zeros_resembles_nothing_and_a_model_with_one_answer_is_never_right():
    assert cosines(np.zeros((1, 3)), np.ones((1, 3))).tolist() == [0]
    constant = answers_of(np.ones((4, 2)), np.ones((4, 2)), [True, False] * 2, [0, 0, 1, 1])
    assert METRICS["verification_accuracy"].score(constant).value == 0, "as in the released code"


def test_the_order_of_images_and_the_length_of_embeddings_change_no_accuracy():
    answers = made_up_answers("verification", noise=1.5)
    order = np.random.default_rng(1).permutation(len(answers.names))
    other = srbench.Answers(
        labelled=answers.labelled, names=tuple(answers.names[row] for row in order),
        embeddings=4 * answers.embeddings[order], mirrored=4 * answers.mirrored[order],
    )  # fmt: skip
    for spec in METRICS.values():
        assert spec.score(other).value == pytest.approx(spec.score(answers).value), spec.name


def test_a_pair_that_occurs_twice_is_two_items():
    vectors = np.random.default_rng(0).normal(size=(8, 4))
    answers = answers_of(vectors, vectors, [True, False] * 4, [0, 0, 1, 1] * 2)
    labelled = LabelledImages(
        question="verification",
        images=answers.labelled.images,
        pairs=answers.labelled.pairs + answers.labelled.pairs[:1],
    )
    twice = srbench.Answers(
        labelled=labelled, names=answers.names, embeddings=answers.embeddings, mirrored=answers.mirrored
    )
    assert len(METRICS["verification_accuracy"].score(twice).items) == 9
