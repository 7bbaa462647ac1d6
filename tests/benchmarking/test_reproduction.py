from __future__ import annotations

import pytest

from helpers.records import make_record
from srbench.benchmarking.reproduction import compare_rows


def moved(record, difference, **changes):
    """The record as another run would have it, with one score that differs."""
    score = record.scores["psnr_y"]
    score = score.model_copy(update={"value": score.value + difference})
    return record.model_copy(update={"scores": record.scores | {"psnr_y": score}} | changes)


def elsewhere(record, **changes):
    return record.environment.model_copy(update={"machine": "ffff", "machine_name": "Other CPU"} | changes)


ESPCN = make_record("espcn")
BICUBIC = make_record("bicubic")


@pytest.mark.parametrize("record", [ESPCN, BICUBIC])
def test_the_last_bit_counts_on_the_same_kind_of_machine(record):
    assert compare_rows(record, record).reproduced
    assert not compare_rows(record, moved(record, 1e-12)).reproduced


@pytest.mark.parametrize(
    ("record", "difference", "reproduced"),
    [(BICUBIC, 0.009, True), (BICUBIC, -0.011, False), (ESPCN, 0.19, True), (ESPCN, -0.21, False)],
)
def test_elsewhere_given_weights_are_within_what_tables_show_and_trainings_within_seeds(record, difference, reproduced):
    result = compare_rows(record, moved(record, difference, environment=elsewhere(record)))
    assert not result.exact
    assert result.reproduced == reproduced
    assert result.differing == ("machine: 2 × Example CPU, 8 GiB (a1b2c3d4), now Other CPU (ffff)",)


def test_seeds_that_differ_by_more_widen_the_bounds_of_their_own_row_only():
    others = [make_record("espcn", seed=1, psnr=ESPCN.scores["psnr_y"].value + 0.5)]
    after = moved(ESPCN, 0.4, environment=elsewhere(ESPCN))
    assert compare_rows(ESPCN, after, others).reproduced
    assert not compare_rows(ESPCN, after, [make_record("fsrcnn", seed=1, psnr=0.0)]).reproduced


def test_threads_versions_code_and_plugins_are_named():
    environment = elsewhere(ESPCN, machine="a1b2c3d4", threads=9, torch="3", packages={"numpy": "2"}, git_commit="x+")
    after = ESPCN.model_copy(update={"environment": environment, "key": "0"})
    words = [sentence.partition(":")[0] for sentence in compare_rows(ESPCN, after).differing]
    assert words == ["code", "torch", "numpy", "threads", "measurement"]


def test_other_images_are_never_a_reproduction():
    before = ESPCN.model_copy(update={"dataset_hash": "1"})
    result = compare_rows(before, before.model_copy(update={"dataset_hash": "2"}))
    assert not result.reproduced
    assert result.differing == ("data: 1, now 2",)


def test_a_score_that_is_missing_now_is_not_reproduced():
    after = ESPCN.model_copy(update={"scores": {}})
    assert not compare_rows(ESPCN, after).reproduced


@pytest.mark.parametrize(("weights", "key", "same"), [("1", None, True), ("2", None, False), ("2", "another", None)])
def test_files_of_weights_are_compared_unless_another_key_is_in_them(weights, key, same):
    before = ESPCN.model_copy(update={"model": ESPCN.model.model_copy(update={"weights_sha256": "1"})})
    model = before.model.model_copy(update={"weights_sha256": weights, "key": key or before.model.key})
    assert compare_rows(before, before.model_copy(update={"model": model})).same_weights is same
