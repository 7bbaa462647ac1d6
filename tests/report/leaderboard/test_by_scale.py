"""Methods at several scales: which tables belong together, curves, gains and ties."""

import pytest

from helpers.records import draw, make_record
from srbench.report.leaderboard.by_scale import by_scale, ties_with_best
from srbench.report.leaderboard.scale_tables import scale_lines
from srbench.report.leaderboard.sections import make_sections

SCALES = (2, 3, 4, 8)


def records(scales=SCALES, **of):
    found = [make_record("espcn", scale=scale, psnr=40.0 - scale, **of) for scale in scales]
    return found + [make_record("fsrcnn", scale=scale, psnr=39.0 + scale / 10, **of) for scale in scales[1:]]


def of(*found):
    (comparison,) = by_scale(make_sections(found))
    return comparison


def test_four_scales_are_compared_and_fewer_are_not():
    assert of(*records()).scales == list(SCALES)
    assert by_scale(make_sections(records(SCALES[:3]))) == []


def test_each_dataset_and_each_way_of_inference_is_a_comparison():
    sections = make_sections([*records(), *records(dataset="set5"), *records(inference="whole,x8")])
    assert [(each.group.dataset, each.group.inference) for each in by_scale(sections)] == [
        ("photographs", "whole"), ("photographs", "whole,x8"), ("set5", "whole"),
    ]  # fmt: skip


def test_methods_keep_their_scales_and_the_best_at_the_largest_comes_first():
    (first, best), (second, other) = of(*records()).curves().items()
    assert (first, second) == ("FSRCNN", "ESPCN")
    assert [point.scale for point in best] == [3, 4, 8]
    assert [point.scale for point in other] == [2, 3, 4, 8]
    assert [point.mean for point in other] == pytest.approx([38.0, 37.0, 36.0, 32.0])
    assert all(point.low <= point.mean <= point.high for point in best)


def test_a_reduced_result_is_a_point_of_the_same_curve():
    reduced = [make_record("espcn", scale=scale, psnr=35.0, inference="whole,resize=8") for scale in (5, 6)]
    comparison = of(*records(), *reduced)
    points = comparison.curves()["ESPCN"]
    assert [(point.scale, point.applied_at) for point in points] == [
        (2, None), (3, None), (4, None), (5, 8), (6, 8), (8, None),
    ]  # fmt: skip
    text = "\n".join(scale_lines(comparison))
    assert "**35.00↓**" in text
    assert "reduced by MATLAB's `imresize`" in text
    assert "imresize" not in "\n".join(scale_lines(of(*records())))


def test_two_recipes_of_a_network_are_two_curves_although_each_is_alone_in_its_table():
    short = [make_record("espcn", scale=scale, psnr=30.0) for scale in SCALES]
    long = [make_record("espcn", scale=scale, inference="whole,resize=8") for scale in (5, 6)]
    long = [r.model_copy(update={"model": r.model.model_copy(update={"recipe": "long"})}) for r in long]
    assert list(of(*short, *long).curves()) == ["ESPCN", "ESPCN, long"]


def test_gains_are_over_bicubic_interpolation_and_paired():
    base = [make_record("bicubic", scale=scale, psnr=30.0) for scale in SCALES]
    gains = of(*records(), *base).gains()
    assert list(gains) == ["FSRCNN", "ESPCN"]
    assert [point.mean for point in gains["ESPCN"]] == pytest.approx([8.0, 7.0, 6.0, 2.0])
    widths = [point.high - point.low for point in gains["ESPCN"]]
    assert max(widths) < min(p.high - p.low for p in of(*records(), *base).curves()["ESPCN"])
    assert of(*records(), *base[1:]).gains() == {}


def test_only_what_is_certainly_worse_than_the_best_is_no_tie():
    comparison = of(*records(), *[make_record("edsr_quick", scale=scale, psnr=39.99 - scale) for scale in SCALES])
    at_two = [point for points in comparison.curves().values() for point in points if point.scale == 2]
    assert next(point.line.title for point in ties_with_best(at_two)) == "ESPCN"
    at_eight = [point for points in comparison.curves().values() for point in points if point.scale == 8]
    assert [point.line.title for point in ties_with_best(at_eight)] == ["FSRCNN"]


def test_the_table_has_a_row_for_each_method_and_a_column_for_each_scale():
    lines = scale_lines(of(*records()))
    (header,) = [line for line in lines if line.startswith("| Method") and "x8" in line][:1]
    assert [cell.strip() for cell in header.strip("|").split("|")] == ["Method", "x2", "x3", "x4", "x8"]
    (row,) = [line for line in lines if line.startswith("| FSRCNN")][:1]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "FSRCNN",
        "—",
        "**39.30**",
        "**39.40**",
        "**39.80**",
    ]


def test_costs_that_change_with_the_scale_have_a_table():
    text = "\n".join(scale_lines(of(*[make_record("espcn", scale=scale) for scale in SCALES])))
    assert "MACs for a 1280×720 output [G]:" in text
    assert "| ESPCN  | 4.55 |" in text


def test_the_range_that_methods_were_trained_at_is_said():
    found = [
        record.model_copy(update={"model": record.model.model_copy(update={"scale_range": (1.0, 4.0)})})
        for record in records()
    ]
    assert of(*found).trained_ranges() == [(1.0, 4.0)]
    assert "from x1 to x4." in "\n".join(scale_lines(of(*found)))
    assert of(*records()).trained_ranges() == []


def test_two_samplers_of_a_network_are_two_curves():
    drawn = [draw(record, 2, sampler=name) for record in records() for name in ("ddim-20", "ddim-4")]
    curves = of(*[make_record("bicubic", scale=scale) for scale in SCALES], *drawn).curves()
    assert {"ESPCN, ddim-20", "ESPCN, ddim-4"} <= curves.keys()
    assert [point.scale for point in curves["ESPCN, ddim-4"]] == list(SCALES)
