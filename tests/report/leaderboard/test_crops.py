"""Sheets of crops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers.records import make_record, quick_records, with_images, write_records
from srbench.report.build import build_report
from srbench.report.leaderboard.crops import crop_pictures, find_window
from srbench.report.leaderboard.sections import make_sections


def test_the_window_is_where_methods_differ_and_not_where_all_have_the_same_error():
    hr = np.full((64, 96, 3), 128, np.uint8)
    one, other = hr.copy(), hr.copy()
    one[:20, :20] += 90  # both are wrong here, equally
    other[:20, :20] += 90
    one[40:56, 64:80] += 25  # only one is wrong here
    top, left, contrast = find_window(hr, [one, other], side=16, step=4)
    assert (top, left) == (40, 64)
    assert contrast == pytest.approx(12.5**2)


@given(st.integers(8, 40), st.integers(8, 40), st.integers(1, 4), st.integers(0, 2**16))
def test_the_window_is_always_inside_and_on_the_lr_grid(height, width, scale, seed):
    generator = np.random.default_rng(seed)
    hr, a, b = generator.integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    side = min(height, width) // scale * scale
    top, left, _ = find_window(hr, [a, b], side, scale)
    assert 0 <= top <= height - side
    assert 0 <= left <= width - side
    assert top % scale == left % scale == 0


def test_a_lost_image_is_named_and_the_rest_is_drawn(tmp_path, monkeypatch):
    for others in ("plot_pictures", "perception_pictures"):
        monkeypatch.setattr(f"srbench.report.writing.{others}", lambda *_: [])
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


def test_sections_of_two_protocols_share_a_sheet_of_crops(tmp_path):
    records = [make_record(a, protocol=p) for a in ("bicubic", "espcn") for p in ("classic-y", "rgb")]
    records = with_images(tmp_path, records, side=96)
    write_records(tmp_path, records)
    made, warnings = crop_pictures(tmp_path, tmp_path / "records", make_sections(records))
    assert [p.path.name for p in made] == ["crops_x2_bicubic.png"]
    assert warnings == []
