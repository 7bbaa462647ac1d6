"""Rules on chance: what the spread between trainings explains does not fail."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from helpers.leaderboards import BASE, KNOWN, one
from srbench.errors import UsageError
from srbench.report.comparing.chance import FALSE_FAILURES, explained_by_chance
from srbench.report.comparing.comparison import compare_rows
from srbench.report.comparing.rules import parse_rule

WORSE = parse_rule("psnr_y_db < -chance", KNOWN)
SCORES = st.lists(st.floats(20, 40).map(lambda score: round(score, 3)), min_size=1, max_size=5)


def trained(scores, **changes):
    """Return a row for each training of a method, whose seeds count from 0."""
    return [BASE | changes | {"psnr_y_db": f"{score:.9g}", "seed": str(seed)} for seed, score in enumerate(scores)]


def failures(base, head, *rules):
    return compare_rows(base, head, rules or [WORSE]).having("failed")


@pytest.mark.filterwarnings("ignore:Precision loss")
@given(SCORES, SCORES)
def test_a_method_fails_exactly_where_the_test_of_two_samples_says_so(base, head):
    assume(len(base) + len(head) > 2)
    assume(len(set(base)) > 1 or len(set(head)) > 1)
    change = np.mean(head) - np.mean(base)
    p = ttest_ind(base, head, alternative="greater").pvalue
    assume(abs(p - FALSE_FAILURES) > 1e-6)
    assert bool(failures(trained(base), trained(head))) is bool(p < FALSE_FAILURES and round(change, 2) < 0)


@given(SCORES, SCORES, st.floats(-5, 5), st.floats(0.1, 10))
def test_what_chance_explains_has_the_unit_of_the_scores_and_no_place(base, head, shift, factor):
    plain = explained_by_chance(base, head)
    moved = explained_by_chance(*([factor * score + shift for score in side] for side in (base, head)))
    assert plain is moved is None if plain is None else moved == pytest.approx(factor * plain, abs=1e-9)
    swapped = explained_by_chance(head, base)
    assert plain is swapped is None if plain is None else swapped == pytest.approx(plain, abs=1e-9)


@given(SCORES, SCORES, st.randoms())
def test_the_order_of_seeds_does_not_matter(base, head, random):
    assume(len(base) + len(head) > 2)
    rows = trained(base), trained(head)
    shuffled = [random.sample(side, len(side)) for side in rows]
    found = [
        {(c.identity, c.column, c.verdict) for c in compare_rows(*side, [WORSE]).changes} for side in (shuffled, rows)
    ]
    assert found[0] == found[1]


def test_twelve_methods_together_fail_by_chance_in_one_of_twenty_comparisons():
    base, head = np.random.default_rng(0).normal(30, 0.05, (2, 500, 12, 3))
    explained = [
        [explained_by_chance(*(side.tolist() for side in sides), tests=12) for sides in zip(*both, strict=True)]
        for both in zip(base, head, strict=True)
    ]
    failed = (head.mean(-1) - base.mean(-1) < -np.array(explained)).any(axis=1)
    assert 0.03 < failed.mean() < 0.07


def test_chance_explains_more_where_more_methods_are_tested_or_fewer_trainings_are_known():
    three = [30.0, 30.1, 30.2]
    assert explained_by_chance(three, three) == pytest.approx(2.131847 * 0.1 * np.sqrt(2 / 3), rel=1e-6)  # t table
    assert explained_by_chance(three, three, tests=8) > explained_by_chance(three, three)
    assert explained_by_chance(three, [30.1]) > explained_by_chance(three, three)
    assert explained_by_chance([30.1], [30.2]) is explained_by_chance([], three) is None


def test_a_failure_says_what_chance_explains():
    base, head = trained([33.0, 33.1, 33.2]), trained([32.0, 32.1, 32.2])
    (change,) = failures(base, head)
    assert change.row == "espcn, photographs x2, bicubic, quick, classic-y"
    assert (change.base, change.head) == (pytest.approx(33.1), pytest.approx(32.1))
    assert change.detail == "breaks psnr_y_db < -chance; chance explains 0.174 with 3 and 3 trainings"
    (change,) = compare_rows(base, trained([32.99, 33.09, 33.19]), [WORSE]).having("changed")
    assert change.detail == "chance explains 0.174 with 3 and 3 trainings"


def test_the_three_trainings_of_the_base_judge_a_single_one_of_head():
    base = trained([33.0, 33.1, 33.2])
    comparison = compare_rows(base, trained([33.0]), [WORSE])
    assert comparison.passed
    assert [change.detail for change in comparison.having("skipped")] == ["head has other seeds of it"] * 2
    assert failures(base, trained([32.0]))
    assert [c.detail for c in failures(base, trained([33.0]), parse_rule("psnr_y_db < -0.2", KNOWN))] == [
        "the row vanished"
    ] * 2


def test_a_realisation_may_not_vanish():
    base = [*trained([33.0, 33.1], realisation="0"), *trained([33.0, 33.1], realisation="1")]
    assert [change.detail for change in failures(base, base[:2])] == ["the row vanished"] * 2
    assert failures(base, base) == []


def test_given_weights_do_not_change_by_chance():
    base, head = one(psnr_y_db="33.000", seed="", recipe=""), one(psnr_y_db="32.996", seed="", recipe="")
    assert failures([base], [head]) == []
    assert failures([base], [head | {"psnr_y_db": "32.994"}])


def test_one_training_on_each_side_shows_no_spread():
    with pytest.raises(UsageError, match="each has one; run with --seed 0 --seed 1 --seed 2, or replace chance"):
        compare_rows(trained([33.0]), trained([32.0]), [WORSE])
    other = trained([33.0, 33.1], architecture="fsrcnn")
    comparison = compare_rows([*trained([33.0]), *other], [*trained([32.0]), *other], [WORSE])
    (skip,) = comparison.having("skipped")
    assert skip.detail == "one training on each side does not show what chance explains"
    assert comparison.passed


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"psnr_y_db": ""}, "became empty"),
        ({"psnr_y_protocol": "psnr_y@other"}, "the protocol changed"),
    ],
)
def test_a_method_that_lost_a_score_or_its_protocol_fails(changes, detail):
    rows = trained([33.0, 33.1, 33.2])
    (change,) = failures(rows, [*rows[:2], rows[2] | changes])
    assert change.detail.startswith(detail)


def test_costs_are_judged_by_chance_too_on_one_machine():
    rule = parse_rule("train_seconds > +chance", KNOWN)
    sides = [
        [row | {"train_seconds": text} for row, text in zip(trained([33.0, 33.1, 33.2]), texts, strict=True)]
        for texts in (("10", "11", "12"), ("20", "21", "22"))
    ]
    assert failures(*sides, rule)
    assert failures(*sides[::-1], rule) == []
    elsewhere = [row | {"machine": "other"} for row in sides[1]]
    assert compare_rows(sides[0], elsewhere, [rule]).having("skipped")


def sampled(scores, **changes):
    """Return the row of given weights, with these scores of its samples."""
    mean, deviation = np.mean(scores), np.std(scores, ddof=1)
    return [
        BASE | changes | {"psnr_y_db": f"{mean:.9g}", "psnr_y_db_sample_sd": f"{deviation:.12g}",
                          "samples": str(len(scores)), "seed": changes.get("seed", "")}
    ]  # fmt: skip


@given(st.lists(st.floats(20, 40), min_size=2, max_size=6), st.lists(st.floats(20, 40), min_size=2, max_size=6))
def test_samples_of_given_weights_fail_exactly_where_the_test_of_two_samples_says_so(base, head):
    assume(np.std(base) > 0.01 and np.std(head) > 0.01)
    p = ttest_ind(base, head, alternative="greater").pvalue
    assume(abs(p - FALSE_FAILURES) > 1e-6)
    change = np.mean(head) - np.mean(base)
    for seed in ("", "0"):  # a single training on each side shows nothing, so its samples decide
        failed = failures(sampled(base, seed=seed), sampled(head, seed=seed))
        assert bool(failed) is bool(p < FALSE_FAILURES and round(change, 2) < 0)


def test_two_trainings_of_a_network_that_samples_decide_instead_of_its_samples():
    sides = [
        [row for seed, shift in enumerate((0, 1)) for row in sampled([30 + shift, 30.02 + shift], seed=str(seed))],
        [row for seed, shift in enumerate((-1, 0)) for row in sampled([30 + shift, 30.02 + shift], seed=str(seed))],
    ]
    (change,) = compare_rows(*sides, [WORSE]).having("changed")
    assert "with 2 and 2 trainings" in change.detail


def test_a_change_within_the_spread_of_samples_names_how_many_there_were():
    (change,) = compare_rows(sampled([30.0, 31.0, 30.5]), sampled([30.1, 30.6]), [WORSE]).having("changed")
    assert "with 3 and 2 samples" in change.detail
