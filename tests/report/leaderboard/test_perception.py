"""Perceptual scores against distortion: panels, the front, intervals, and the page."""

import pytest

from helpers.records import make_record, make_score, write_records
from srbench.report.build import build_report
from srbench.report.leaderboard.perception import (
    FEWEST_METHODS,
    MOST_PANELS,
    front_of,
    panels_of,
    perception_name,
)
from srbench.report.leaderboard.sections import make_sections

PLACES = {"espcn": (30.0, 0.10), "fsrcnn": (31.0, 0.20), "edsr_quick": (30.5, 0.30), "edsr_quick_wide": (32.0, 0.25)}
"""PSNR and LPIPS; edsr_quick is beaten in both."""


def record(architecture, psnr, lpips, **changes):
    own = make_record(architecture, psnr=psnr, **changes)
    values = [lpips + 0.01 * n for n in (-1, 0, 1, 0)]
    images = tuple(
        image.model_copy(update={"scores": image.scores | {"lpips": value}})
        for image, value in zip(own.images, values, strict=True)
    )
    scores = own.scores | {"lpips": make_score("lpips", values)}
    return own.model_copy(update={"scores": scores, "images": images})


@pytest.fixture
def records():
    return [record(name, *place) for name, place in PLACES.items()]


def only_table(records):
    (section,) = make_sections(records)
    (table,) = section.tables
    return section, table


def test_the_front_has_what_no_other_beats_in_both(records):
    _, table = only_table(records)
    ((distortion, perception, places),) = panels_of(table)
    assert (distortion.metric, perception.metric, len(places)) == ("psnr_y", "lpips", 4)
    names = [place.line.first.model.architecture for place in front_of(places, perception)]
    assert names == ["edsr_quick_wide", "fsrcnn", "espcn"]


def test_where_higher_is_better_the_front_is_on_the_other_side(records):
    _, table = only_table(records)
    ((_, perception, places),) = panels_of(table)
    better = type(perception)("pyiqa:musiq", "", "pyiqa:musiq", higher_is_better=True, decimals=4)
    names = [place.line.first.model.architecture for place in front_of(places, better)]
    assert names == ["edsr_quick_wide", "edsr_quick"]


def test_intervals_are_over_images_and_missing_for_a_score_of_the_set(records):
    of_set = {name: make_score("fid", [20.0 + n]) for n, name in enumerate(PLACES)}
    with_fid = [
        own.model_copy(update={"scores": own.scores | {"fid": of_set[own.model.architecture]}}) for own in records
    ]
    _, table = only_table(with_fid)
    lpips, fid = panels_of(table)
    assert (lpips[1].metric, fid[1].metric) == ("lpips", "fid")
    low, high = lpips[2][0].along
    assert low < lpips[2][0].perception < high
    assert all(place.along is None and place.across is not None for place in fid[2])


def test_a_table_of_few_methods_or_without_such_a_score_has_no_picture(records):
    _, few = only_table(records[: FEWEST_METHODS - 1])
    assert panels_of(few) == []
    without = [r.model_copy(update={"scores": {m: s for m, s in r.scores.items() if m != "lpips"}}) for r in records]
    assert panels_of(only_table(without)[1]) == []
    blind = [r.model_copy(update={"scores": {"lpips": r.scores["lpips"]}, "headline": "lpips"}) for r in records]
    assert panels_of(only_table(blind)[1]) == []


def test_panels_are_in_the_order_of_the_list_and_not_too_many(records):
    names = ("pyiqa:clipiqa", "pyiqa:niqe", "gmsd", "pyiqa:dists", "kid", "pyiqa:psnr", "pyiqa:musiq-ava")
    scores = {name: make_score(name, [1.0]) for name in names}
    _, table = only_table([own.model_copy(update={"scores": own.scores | scores}) for own in records])
    shown = [panel[1].metric for panel in panels_of(table)]
    assert (shown, len(shown)) == (["lpips", "kid", "pyiqa:dists", "pyiqa:niqe"], MOST_PANELS)


def test_the_page_shows_the_picture_below_its_table(records, tmp_path):
    pytest.importorskip("matplotlib", reason="the extra `report` is not installed")
    write_records(tmp_path, records)
    files = build_report(tmp_path)
    section, table = only_table(records)
    name = perception_name(section, table)
    assert name == "perception_photographs_x2.png"
    assert tmp_path / name in files.figures
    assert (tmp_path / name).stat().st_size > 5000
    text = files.markdown.read_text(encoding="utf-8")
    assert f"![Perceptual scores against distortion, Photographs x2]({name})" in text
