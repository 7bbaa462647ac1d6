"""Scores against scale: which datasets have a picture, and what is in it."""

from pathlib import Path

import pytest

from helpers.records import make_record
from srbench.report.leaderboard.scale_plots import curves, scale_pictures, tick_labels, trained_ranges
from srbench.report.leaderboard.sections import make_sections
from srbench.scales import parse_scale

SCALES = (2, 3, 4, 8)


def sections(scales=SCALES, **of):
    records = [make_record("espcn", scale=scale, psnr=40.0 - scale, **of) for scale in scales]
    records += [make_record("fsrcnn", scale=scale, psnr=39.0 + scale / 10, **of) for scale in scales[1:]]
    return make_sections(records)


def test_four_scales_have_a_picture_and_fewer_have_none():
    (picture,) = scale_pictures(Path("here"), sections())
    assert picture.path == Path("here/psnr_y_by_scale_photographs_bicubic_classic-y.png")
    assert scale_pictures(Path("here"), sections(SCALES[:3])) == []


def test_each_dataset_has_its_own():
    pictures = scale_pictures(Path("here"), [*sections(), *sections(dataset="set5")])
    assert [p.path.name.split("_")[4] for p in pictures] == ["photographs", "set5"]


def test_methods_keep_their_scales_and_the_best_at_the_largest_comes_first():
    tables = [(s, t, t.headline) for s in sections() for t in s.tables]
    found = curves(tables)
    (first, best), (second, other) = found.items()
    assert (first, second) == ("FSRCNN", "ESPCN")
    assert [point.scale for point in best] == [3, 4, 8]
    assert [point.scale for point in other] == [2, 3, 4, 8]
    assert [point.mean for point in other] == pytest.approx([38.0, 37.0, 36.0, 32.0])
    assert all(point.low <= point.mean <= point.high for point in best)


def test_the_range_that_methods_were_trained_at_is_known():
    record = make_record("espcn", scale=2)
    trained = record.model_copy(update={"model": record.model.model_copy(update={"scale_range": (1.0, 4.0)})})
    tables = [(s, t, t.headline) for s in make_sections([trained, make_record("fsrcnn", scale=2)]) for t in s.tables]
    assert trained_ranges(tables) == [(1.0, 4.0)]
    assert trained_ranges([(s, t, t.headline) for s in sections() for t in s.tables]) == []


def test_a_tick_without_room_has_no_label():
    assert tick_labels(SCALES) == ["x2", "x3", "x4", "x8"]
    assert tick_labels([parse_scale(text) for text in ("1.5", "2", "2.3", "3.7x1.5")]) == ["x1.5", "x2", "x2.3", ""]


def test_it_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    (picture,) = scale_pictures(tmp_path, sections())
    picture.draw()
    assert picture.path.read_bytes().startswith(b"\x89PNG")
