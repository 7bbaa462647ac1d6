"""Methods are compared on the seeds and images that all have; one is better only where that is beyond chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.records import answered, fail, make_record
from srbench.measuring.proportions import proportion_gain_interval, proportion_interval
from srbench.measuring.uncertainty import mean_interval
from srbench.report.formats import Heading
from srbench.report.leaderboard.sections import make_table
from srbench.report.pairing import Gain, Rivals, Scores, averaged, in_common, paired_gain, scores_by_seed

PSNR = Heading(metric="psnr_y", protocol="p", column="psnr_y_db", higher_is_better=True, decimals=2)
LPIPS = Heading(metric="lpips", protocol="p", column="lpips", higher_is_better=False, decimals=4)


def scored(*seeds, first=0, binary=False):
    """Return scores by seed and image, of images "a", "b" … without realisations."""
    found = {
        seed: {(0, chr(ord("a") + at)): score for at, score in enumerate(values)}
        for seed, values in enumerate(seeds, first)
    }
    return Scores(found, binary=binary)


@pytest.mark.parametrize(
    ("low", "high", "seeds", "images", "verdict"),
    [
        (0.1, 0.3, 1, 5, "better"),
        (0.1, 0.3, 3, 1, "better"),
        (-0.3, -0.1, 1, 5, "worse"),
        (-0.1, 0.1, 3, 5, "tie"),
        (0.0, 0.3, 3, 5, "tie"),
        (-0.3, 0.0, 3, 5, "tie"),
        (0.2, 0.2, 1, 1, "tie"),
        (-0.2, -0.2, 1, 1, "tie"),
        (0.2, 0.2, 2, 2, "better"),
    ],
)
def test_a_gain_is_a_tie_where_its_interval_contains_zero_and_for_a_single_score(low, high, seeds, images, verdict):
    assert Gain((low + high) / 2, low, high, seeds, images).verdict == verdict


def test_scores_are_those_of_finished_records_under_the_headings_metric_and_protocol():
    record = make_record(seed=3, images=("one", "two"))
    heading = Heading("psnr_y", record.scores["psnr_y"].protocol, "psnr_y_db", higher_is_better=True, decimals=2)
    values = [image.scores["psnr_y"] for image in record.images]
    assert scores_by_seed([record], heading) == {3: {(0, "one"): values[0], (0, "two"): values[1]}}
    assert scores_by_seed([fail(record, "out of memory"), make_record(protocol="matlab-u8")], heading) == {}
    unmeasured = record.model_copy(update={"scores": {}})
    assert scores_by_seed([unmeasured], heading) == {}


def test_scores_are_binary_only_where_those_of_all_records_are():
    record = make_record()
    heading = Heading("psnr_y", record.scores["psnr_y"].protocol, "psnr_y_db", higher_is_better=True, decimals=2)
    binary = record.model_copy(
        update={"scores": {"psnr_y": record.scores["psnr_y"].model_copy(update={"binary": True})}}
    )
    assert scores_by_seed([binary], heading).binary
    assert not scores_by_seed([binary, record], heading).binary
    assert not scores_by_seed([record, binary], heading).binary
    assert not Scores({0: {(0, "a"): 100.0}}).binary


def test_realisations_of_a_random_degradation_are_kept_apart_and_fixed_methods_have_seed_zero():
    records = [make_record("bicubic", images=("one",)).model_copy(update={"realisation": n}) for n in (None, 4)]
    heading = Heading("psnr_y", records[0].scores["psnr_y"].protocol, "psnr_y_db", higher_is_better=True, decimals=2)
    assert list(scores_by_seed(records, heading)) == [0]
    assert list(scores_by_seed(records, heading)[0]) == [(0, "one"), (4, "one")]


def test_an_image_that_a_method_has_no_score_for_is_left_out():
    record = make_record(images=("one", "two"))
    first, second = record.images
    lost = record.model_copy(update={"images": (first, second.model_copy(update={"scores": {"lpips": 0.2}}))})
    heading = Heading("psnr_y", record.scores["psnr_y"].protocol, "psnr_y_db", higher_is_better=True, decimals=2)
    assert list(scores_by_seed([lost], heading)[0]) == [(0, "one")]


def test_what_all_methods_have_is_in_common():
    first = {0: {(0, "a"): 1.0, (0, "b"): 1.0}, 1: {(0, "a"): 1.0, (0, "c"): 1.0}, 5: {(0, "z"): 1.0}}
    second = {1: {(0, "a"): 2.0, (0, "b"): 2.0, (0, "c"): 2.0}, 0: {(0, "a"): 2.0}}
    assert in_common([first, second]) == ((0, 1), ((0, "a"),))
    assert in_common([first, {7: {(0, "a"): 1.0}}]) == ((), ())
    assert in_common([second]) == ((0, 1), ((0, "a"),))


def test_the_gain_is_the_mean_paired_difference_with_students_interval():
    from scipy.stats import t

    own, base = [31.0, 29.5, 35.0, 30.0], [30.8, 29.6, 34.5, 29.9]
    gain = paired_gain(scored(own), scored([*base, 90.0]), PSNR)
    differences = np.subtract(own, base)
    low, high = t.interval(0.95, 3, differences.mean(), differences.std(ddof=1) / 2)
    assert (gain.mean, gain.low, gain.high) == pytest.approx((differences.mean(), low, high))
    assert (gain.seeds, gain.images) == (1, 4)
    lower_is_better = paired_gain(scored(own), scored(base), LPIPS)
    assert (lower_is_better.mean, lower_is_better.low) == pytest.approx((-gain.mean, -gain.high))


def test_over_seeds_each_image_counts_once():
    gain = paired_gain(scored([31.0, 33.0], [31.5, 33.5], [32.0, 34.0]), scored([30.0, 32.0], [30.0, 32.0]), PSNR)
    assert (gain.seeds, gain.images) == (2, 2)
    assert gain.mean == pytest.approx(1.25)


def test_a_single_pair_of_scores_has_a_difference_and_no_interval():
    assert paired_gain(scored([31.0]), scored([30.0]), PSNR) == Gain(1.0, 1.0, 1.0, seeds=1, images=1)


def test_methods_without_a_common_image_have_no_gain():
    assert paired_gain(scored([31.0]), scored([31.0], first=1), PSNR) is None
    assert paired_gain(Scores({0: {(0, "a"): 1.0}}), Scores({0: {(0, "b"): 1.0}}), PSNR) is None


def test_realisations_are_averaged_and_images_come_in_the_order_of_their_names():
    scores = {
        0: {(0, "b"): 4.0, (1, "b"): 6.0, (0, "a"): 1.0, (1, "a"): 2.0},
        2: {(0, "b"): 40.0, (1, "b"): 60.0, (0, "a"): 10.0, (1, "a"): 20.0},
    }
    assert averaged(scores, [0, 2], list(scores[0])).tolist() == [[1.5, 5.0], [15.0, 50.0]]
    assert averaged(scores, [2], [(1, "b"), (1, "a")]).tolist() == [[20.0, 60.0]]


@given(st.lists(st.tuples(*[st.floats(20, 40)] * 3), min_size=2, max_size=3), st.floats(0, 1), st.booleans())
def test_a_rival_is_beaten_exactly_where_the_gain_over_it_is_better(own, above, higher):
    heading = PSNR if higher else LPIPS
    one, other = scored(*own), scored(*([score - above for score in scores] for scores in reversed(own)))
    gain = paired_gain(one, other, heading)
    rivals = Rivals([other, one], heading)
    assert rivals.beats(1, 0, *in_common([one, other])) is (gain.verdict == "better")
    assert rivals.beats_by_seeds(1, 0) is (gain.verdict == "better")
    assert rivals.beats_by_seeds(0, 1) is (gain.verdict == "worse")


SEEDS_AND_IMAGES = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 1))


@given(st.lists(SEEDS_AND_IMAGES, min_size=1, max_size=7), st.randoms(use_true_random=False), st.booleans())
def test_rivals_compared_all_at_once_are_those_compared_in_pairs(shapes, random, binary):
    values = [0.0, 100.0] if binary else [20.0, 20.0 + 1e-9, 21.0, 22.0, 40.0]
    methods = []
    for seeds, images, first in shapes:
        rows = ([random.choice(values) for _ in range(images)] for _ in range(seeds))
        own = {seed: {(0, str(n)): value for n, value in enumerate(row)} for seed, row in enumerate(rows, first)}
        methods.append(Scores(own, binary=binary))
    rivals = Rivals(methods, TOP1 if binary else PSNR)
    for own in range(len(methods)):
        known, beating = rivals.above(own)
        in_pairs = [rivals.beats_by_seeds(other, own) for other in range(len(methods))]
        assert known.tolist() == [beats is not None for beats in in_pairs]
        assert beating.tolist() == list(map(bool, in_pairs))


def test_a_single_common_seed_says_nothing_about_trainings():
    one, far_below = scored([31.0, 32.0], [31.1, 32.1]), scored([1.0, 2.0])
    assert Rivals([one, far_below], PSNR).beats_by_seeds(0, 1) is None
    assert Rivals([one, scored([1.0, 2.1], [1.1, 2.2], first=1)], PSNR).beats_by_seeds(0, 1) is None
    assert Rivals([one, scored([1.0, 2.1], [1.1, 2.2])], PSNR).beats_by_seeds(0, 1) is True


def test_two_common_seeds_without_a_common_image_say_nothing_either():
    without = Scores({seed: {(0, "z"): 1.0} for seed in (0, 1)})
    assert Rivals([scored([31.0], [31.1]), without], PSNR).beats_by_seeds(0, 1) is None


def test_a_single_score_beats_none_and_an_equal_one_does_not_either():
    single = Rivals([scored([31.0]), scored([1.0])], PSNR)
    assert single.beats(0, 1, (0,), ((0, "a"),)) is False
    equal = Rivals([scored([31.0, 30.0])] * 2, PSNR)
    assert equal.beats(0, 1, (0,), ((0, "a"), (0, "b"))) is False


def test_rivals_are_compared_on_the_images_and_seeds_of_each_question():
    one, other = scored([9.0, 9.1, 1.0, 1.1], [1.0, 1.1, 1.0, 1.1]), scored([5.0, 5.3, 5.0, 5.3], [5.0, 5.3, 5.0, 5.3])
    rivals = Rivals([one, other], PSNR)
    first, last = ((0, "a"), (0, "b")), ((0, "c"), (0, "d"))
    assert rivals.beats(0, 1, (0,), first)
    assert not rivals.beats(0, 1, (0,), last)
    assert not rivals.beats(0, 1, (1,), first)
    assert rivals.beats(1, 0, (0,), last)


TOP1 = Heading(metric="top1", protocol="p", column="top1_percent", higher_is_better=True, decimals=2)
FIVE_BETTER, SIX_BETTER = ([0.0] * 4 + [100.0] * (wins + 10) + [0.0] * (6 - wins) for wins in (5, 6))
BASE = [0.0] * 4 + [100.0] * 10 + [0.0] * 6


def test_right_and_wrong_answers_are_compared_by_mcnemars_test():
    base = scored(BASE, binary=True)
    for own, verdict in ((FIVE_BETTER, "tie"), (SIX_BETTER, "better")):
        gain = paired_gain(scored(own, binary=True), base, TOP1)
        assert (gain.low, gain.high) == proportion_gain_interval(np.subtract(own, BASE))
        assert gain.verdict == verdict
        assert Rivals([base, scored(own, binary=True)], TOP1).beats(1, 0, *in_common([base])) is (verdict == "better")


def test_scores_of_which_some_are_neither_right_nor_wrong_are_compared_as_any():
    gain = paired_gain(scored(FIVE_BETTER), scored(BASE, binary=True), TOP1)
    assert (gain.low, gain.high) == mean_interval(np.subtract(FIVE_BETTER, BASE))
    assert gain.verdict == "better"


def test_whether_scores_are_right_or_wrong_is_read_from_all_their_records():
    one, other = answered(BASE, 0), answered(SIX_BETTER, 1, binary=False)
    assert scores_by_seed([one], TOP1).binary
    assert not scores_by_seed([one, other], TOP1).binary


def test_a_leaderboard_ranks_right_and_wrong_answers_by_their_own_test_and_interval():
    methods = {"none": BASE, "five": FIVE_BETTER, "six": SIX_BETTER}
    records = [answered(values, 0) for values in methods.values()]
    records = [
        record.model_copy(update={"model": record.model.model_copy(update={"distiller": name})})
        for record, name in zip(records, methods, strict=True)
    ]
    lines = {line.first.model.distiller: line for line in make_table(records).lines}
    assert {name: line.rank for name, line in lines.items()} == {"none": 2, "five": 1, "six": 1}
    assert {name: line.interval for name, line in lines.items()} == {
        name: proportion_interval(values) for name, values in methods.items()
    }


def test_a_percentage_has_its_unit():
    assert (TOP1.unit, TOP1.bracketed_unit, PSNR.unit, LPIPS.unit) == ("%", " [%]", "dB", "")
