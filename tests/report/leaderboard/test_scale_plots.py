"""Scores against scale: which datasets have a picture, and what is in it."""

from pathlib import Path

import pytest

from helpers.records import make_record
from srbench.report.leaderboard.by_scale import by_scale
from srbench.report.leaderboard.scale_plots import MOST_CURVES, drawn_curves, scale_pictures, tick_labels
from srbench.report.leaderboard.sections import make_sections
from srbench.scales import parse_scale

SCALES = (2, 3, 4, 8)


def comparisons(architectures=("espcn",), **of):
    return by_scale(make_sections([make_record(name, scale=scale, **of) for name in architectures for scale in SCALES]))


def test_each_dataset_has_a_picture_of_its_name():
    found = scale_pictures(Path("here"), [*comparisons(), *comparisons(dataset="set5", inference="whole,x8")])
    assert [picture.path for picture in found] == [
        Path("here/psnr_y_by_scale_photographs_bicubic_classic-y.png"),
        Path("here/psnr_y_by_scale_set5_bicubic_classic-y_whole-x8.png"),
    ]


def test_a_method_at_one_scale_is_no_curve():
    records = [make_record("espcn", scale=scale) for scale in SCALES] + [make_record("fsrcnn", scale=2)]
    (comparison,) = by_scale(make_sections(records))
    assert list(comparison.curves()) == ["ESPCN", "FSRCNN"]
    assert list(drawn_curves(comparison.curves())) == ["ESPCN"]


def test_of_many_methods_the_best_are_drawn():
    curves = {f"method {number}": [None, None] for number in range(MOST_CURVES + 5)}
    assert list(drawn_curves(curves)) == list(curves)[:MOST_CURVES]


def test_a_tick_without_room_has_no_label():
    assert tick_labels(SCALES) == ["x2", "x3", "x4", "x8"]
    assert tick_labels([parse_scale(text) for text in ("1.5", "2", "2.3", "3.7x1.5")]) == ["x1.5", "x2", "x2.3", ""]


@pytest.mark.parametrize("architectures", [["espcn"], ["espcn", "bicubic"]])
def test_scores_or_gains_are_drawn(tmp_path, architectures):
    pytest.importorskip("matplotlib")
    (picture,) = scale_pictures(tmp_path, comparisons(architectures))
    picture.draw(picture.path)
    assert picture.path.read_bytes().startswith(b"\x89PNG")
