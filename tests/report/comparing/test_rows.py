"""What the cells of a row mean."""

import pytest

from srbench.report.comparing.rows import decimals_of, is_equal, is_watched, protocol_of, reason_of


@pytest.mark.parametrize(
    ("column", "watched"),
    [
        ("psnr_y_db", True), ("lpips", True), ("niqe", True), ("pyiqa:niqe", True),
        ("parameters", True), ("parameters_deployed", True), ("macs_720p_g", True), ("macs_256_g", True),
        ("psnr_y_db_low", False), ("niqe_delta", False), ("psnr_y_protocol", False), ("reasons", False),
        ("dataset", False), ("seed", False), ("machine", False), ("created", False),
        ("latency_ms_p50", False), ("peak_memory_mib", False), ("train_seconds", False),
    ],
)  # fmt: skip
def test_scores_of_any_metric_and_counts_are_watched_and_what_depends_on_the_machine_is_not(column, watched):
    assert is_watched(column) is watched


@pytest.mark.parametrize(
    ("column", "protocol"),
    [
        ("psnr_y_db", "a"), ("psnr_y_db_low", "a"), ("psnr_y_db_reported_source", "a"), ("psnr_y_db_delta", "a"),
        ("ssim_y", "b"), ("ssim_y_high", "b"), ("psnr_rgb_db", ""), ("parameters", ""), ("latency_ms_low", ""),
    ],
)  # fmt: skip
def test_the_protocol_of_a_score_is_that_of_its_bounds_too(column, protocol):
    assert protocol_of({"psnr_y_protocol": "a", "ssim_y_protocol": "b", "parameters": "5"}, column) == protocol


def test_the_reason_of_an_empty_cell_ends_where_the_next_one_begins():
    row = {"reasons": "lpips: no trunk; fetch it.; macs_720p_g: it has no operators; pyiqa:niqe: too small"}
    assert reason_of(row, "lpips") == "no trunk; fetch it."
    assert reason_of(row, "macs_720p_g") == "it has no operators"
    assert reason_of(row, "pyiqa:niqe") == "too small"
    assert reason_of(row, "niqe") == reason_of(row, "720p_g") == reason_of({}, "lpips") == ""


def test_the_decimals_of_a_column_are_those_that_its_metric_prints(catalog):
    assert {spec.column: decimals_of(spec.column) for spec in catalog.metrics.values()} == {
        spec.column: spec.decimals for spec in catalog.metrics.values()
    }


@pytest.mark.parametrize(
    ("column", "base", "head", "equal"),
    [
        ("psnr_y_db", 33.6719, 33.6767, True), ("psnr_y_db", 33.6719, 33.6771, False),
        ("ssim_y", 0.92872, 0.92876, True), ("ssim_y", 0.92872, 0.92878, False),
        ("top1_percent", 90.0, 89.996, True), ("parameters", 21284, 21285, False),
        ("macs_256_g", 2.104492032, 2.104492033, False),
    ],
)  # fmt: skip
def test_scores_are_equal_below_the_decimals_that_are_printed_and_counts_only_exactly(column, base, head, equal):
    assert is_equal(column, base, head) is is_equal(column, head, base) is equal
