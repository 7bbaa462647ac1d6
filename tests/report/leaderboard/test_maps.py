"""The picture of maps of uncertainty beside errors, from records alone."""

import numpy as np
import pytest
from PIL import Image

from helpers.records import make_record, make_score, with_images, write_records
from srbench.report.build import build_report
from srbench.report.leaderboard.maps import curves, map_pictures
from srbench.report.leaderboard.sections import make_sections


@pytest.fixture
def doubtful(tmp_path, monkeypatch):
    """A results folder in which one method of two kept maps."""
    monkeypatch.setattr("srbench.report.writing.plot_pictures", lambda *_: [])
    monkeypatch.setattr("srbench.report.writing.crop_pictures", lambda *_: ([], []))
    records = with_images(tmp_path, [make_record("bicubic"), make_record("espcn")], side=48, kept=2)
    espcn = records[1]
    images = []
    for image in espcn.images[:2]:
        file = f"images/{image.name}_map.npz"
        np.savez(tmp_path / "records" / file, map=np.random.default_rng(0).random((48, 48)).astype(np.float16))
        images.append(image.model_copy(update={"map_file": file}))
    records[1] = espcn.model_copy(update={"images": (*images, *espcn.images[2:])})
    write_records(tmp_path, records)
    return tmp_path, records


def test_the_report_has_a_picture_of_methods_with_maps(doubtful):
    folder, _ = doubtful
    files = build_report(folder)
    assert [f.name for f in files.figures] == ["uncertainty_x2_bicubic.png"]
    assert "![Uncertainty beside the errors, x2](uncertainty_x2_bicubic.png)" in files.markdown.read_text()
    assert files.warnings == ()
    with Image.open(files.figures[0]) as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 100


def test_without_maps_there_is_none(tmp_path):
    records = with_images(tmp_path, [make_record("bicubic"), make_record("espcn")], side=48, kept=1)
    assert map_pictures(tmp_path, tmp_path / "records", make_sections(records)) == ([], [])


def test_a_lost_map_is_named_and_the_others_are_drawn(doubtful):
    folder, records = doubtful
    (folder / "records" / records[1].images[0].map_file).unlink()
    np.savez(folder / "records" / records[1].images[1].map_file, map=np.zeros((3, 3)))
    pictures, warnings = map_pictures(folder, folder / "records", make_sections(records))
    assert pictures == []
    names = [image.name for image in records[1].images[:2]]
    assert warnings[0].startswith(f"No map of {names[0]} x2 by ESPCN: The map {names[0]}_map.npz cannot be read")
    assert warnings[1].startswith(
        f"No map of {names[1]} x2 by ESPCN: images/{names[1]}_map.npz is (3, 3), sr is (48, 48)"
    )


def test_a_picture_whose_files_are_gone_is_left_as_it_is(doubtful):
    folder, records = doubtful
    files = build_report(folder)
    before = files.figures[0].read_bytes()
    for image in records[1].images[:2]:
        (folder / "records" / image.map_file).unlink()
    after = build_report(folder, force=True)
    assert [f.name for f in after.figures] == ["uncertainty_x2_bicubic.png"]
    assert after.figures[0].read_bytes() == before


def test_curves_begin_at_one_and_the_oracles_is_below():
    errors = np.random.default_rng(0).random((40, 50))
    share, own, oracle = curves(errors, np.random.default_rng(1).random((40, 50)))
    assert (own[0], oracle[0]) == pytest.approx((1, 1))
    assert share[0] == 0
    assert share[-1] < 1
    assert (own >= oracle - 1e-12).all()
    assert len(share) == 200


def test_scores_of_an_image_are_beside_its_curve(doubtful):
    from srbench.report.leaderboard.maps import _row

    folder, records = doubtful
    record = records[1]
    score = make_score("ssim_y", [0.25]).model_copy(update={"metric": "ause", "column": "ause"})
    image = record.images[0].model_copy(update={"scores": {**record.images[0].scores, "ause": 0.125}})
    record = record.model_copy(update={"scores": {**record.scores, "ause": score}, "images": (image,)})
    (section,) = make_sections([record])
    (line,) = section.tables[0].lines
    assert _row(folder / "records", line, image, 2).scores == "ause 0.125"
