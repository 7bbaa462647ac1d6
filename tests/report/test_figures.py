"""Plots and sheets of crops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers.records import make_record, quick_records, with_images, write_records
from srbench.report.build import build_report
from srbench.report.leaderboard.crops import crop_pictures, find_window
from srbench.report.leaderboard.plots import pareto_front, points
from srbench.report.leaderboard.tables import make_sections, make_table
from srbench.report.packed import PACKED

POINTS = st.lists(st.tuples(st.none(), st.floats(0.1, 1e3), st.floats(20, 40)), max_size=12)


@given(POINTS, st.booleans())
def test_nobody_on_the_front_is_beaten_and_everybody_else_is(found, higher):
    front = pareto_front(found, higher_is_better=higher)
    sign = 1 if higher else -1

    def beats(a, b):
        return a[1] <= b[1] and sign * a[2] >= sign * b[2] and (a[1], a[2]) != (b[1], b[2])

    assert not any(beats(other, p) for p in front for other in found)
    assert all(any(beats(f, p) or f == p for f in front) for p in found)


def test_bicubic_and_methods_without_a_cost_are_no_points():
    table = make_table(
        [make_record("bicubic"), make_record("espcn"), make_record("edsr_quick").model_copy(update={"profile": None})]
    )
    assert [p[0].title for p in points(table, table.headline, "macs_720p_g")] == ["ESPCN"]


def test_the_window_is_where_methods_differ_and_not_where_all_err_alike():
    hr = np.full((64, 96, 3), 128, np.uint8)
    one, other = hr.copy(), hr.copy()
    one[:20, :20] += 90  # both are wrong here, equally
    other[:20, :20] += 90
    one[40:56, 64:80] += 25  # only one is wrong here
    top, left, contrast = find_window(hr, [one, other], side=16, step=4)
    assert (top, left) == (40, 64)
    assert contrast == pytest.approx(12.5**2)


@given(st.integers(8, 40), st.integers(8, 40), st.integers(1, 4), st.integers(0, 2**16))
def test_the_window_always_lies_inside_and_on_the_lr_grid(height, width, scale, seed):
    generator = np.random.default_rng(seed)
    hr, a, b = generator.integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    side = min(height, width) // scale * scale
    top, left, _ = find_window(hr, [a, b], side, scale)
    assert 0 <= top <= height - side
    assert 0 <= left <= width - side
    assert top % scale == left % scale == 0


def test_a_report_has_its_figures_and_shows_them(drawn):
    names = {p.name for p in build_report(drawn).figures}
    assert names == {
        "psnr_vs_macs_x2.png", "psnr_vs_macs_x4.png", "psnr_vs_latency_x2.png", "psnr_vs_latency_x4.png",
        "crops_x2_bicubic.png", "crops_x4_bicubic.png", "crops_x2_blur_down.png",
    }  # fmt: skip
    text = (drawn / "leaderboard.md").read_text()
    for name in names:
        with Image.open(drawn / name) as picture:
            picture.load()
            assert min(picture.size) > 300
            assert np.asarray(picture.convert("L")).std() > 5
        assert f"]({name})" in text


def test_a_lost_image_is_named_and_the_rest_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("srbench.report.build.plot_pictures", lambda *_: [])
    records = [
        r for r in with_images(tmp_path, quick_records(), side=96) if r.scale == 2 and r.degradation == "bicubic"
    ]
    write_records(tmp_path, records)
    (tmp_path / "records" / "images" / "camera-x2-hr.png").unlink()
    Image.new("RGB", (10, 10)).save(tmp_path / "records" / records[-1].images[0].sr_file)
    files = build_report(tmp_path)
    assert [f.name for f in files.figures] == ["crops_x2_bicubic.png"]
    assert any(w.startswith("No crops of camera x2") for w in files.warnings)
    assert any("astronaut" in w and "is 10x10, hr is 96x96" in w for w in files.warnings)


def test_a_figure_that_is_no_longer_made_is_removed(drawn, tmp_path, monkeypatch):
    import shutil

    folder = tmp_path / "results"
    shutil.copytree(drawn, folder)
    (folder / PACKED).unlink()
    for file in (folder / "records").glob("*.json"):
        if '"scale": 4' in file.read_text():
            file.unlink()
    monkeypatch.setattr("srbench.report.build.crop_pictures", lambda *_: ([], []))
    build_report(folder)
    assert sorted(p.name for p in folder.glob("[!g]*.png")) == ["psnr_vs_latency_x2.png", "psnr_vs_macs_x2.png"]


def test_without_matplotlib_the_tables_are_still_written(results, monkeypatch):
    for module in ("build", "pictures"):
        monkeypatch.setattr(f"srbench.report.{module}.can_draw", lambda: False)
    files = build_report(results)
    assert files.figures == ()
    assert "matplotlib is missing" in files.warnings[0]
    assert files.csv.is_file()
    monkeypatch.undo()
    monkeypatch.setattr("srbench.report.build.draw_pictures", lambda _: (set(), []))
    assert build_report(results).rebuilt  # once it is there, figures are wanted


def test_sections_of_two_protocols_share_a_sheet_of_crops(tmp_path):
    records = [make_record(a, protocol=p) for a in ("bicubic", "espcn") for p in ("classic-y", "rgb")]
    records = with_images(tmp_path, records, side=96)
    write_records(tmp_path, records)
    made, warnings = crop_pictures(tmp_path, tmp_path / "records", make_sections(records))
    assert [p.path.name for p in made] == ["crops_x2_bicubic.png"]
    assert warnings == []
