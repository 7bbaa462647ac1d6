"""Pictures of where recognisers look."""

import numpy as np
import pytest

from helpers.records import make_record, write_records
from srbench.report.build import build_report
from srbench.report.leaderboard.attention import attention_pictures
from srbench.report.leaderboard.sections import make_sections
from srbench.report.reading import read_records


def record(folder, architecture="espcn", *, scale=4, distiller="none", images=("ant", "bee"), size=8, **changes):
    """Make a record that kept its attention to places, brighter by image."""
    teacher = None if distiller == "none" else "edsr_quick_wide"
    made = make_record(architecture, scale=scale, distiller=distiller, teacher=teacher, **changes)
    name = f"images/{made.key[:16]}/attention.npz"
    path = folder / "records" / name
    path.parent.mkdir(parents=True)
    seen = np.zeros((len(images), size // scale, size // scale, 3), np.uint8)
    places = np.linspace(0.2, 0.8, len(images) * size**2, dtype=np.float32).reshape(-1, size, size)
    with path.open("wb") as file:
        np.savez(file, images=np.array(images), seen=seen, places=places)
    return made.model_copy(update={"attention_file": name})


@pytest.fixture
def of_four(tmp_path):
    """A teacher that sees HR, a student from labels, a distilled one, and a control without attention."""
    return [
        record(tmp_path, "edsr_quick_wide", scale=1),
        record(tmp_path, "fsrcnn", scale=1),
        record(tmp_path, distiller="fakd"),
        record(tmp_path),
        make_record("bicubic", scale=4),
    ]


def columns(tmp_path, records):
    made = attention_pictures(tmp_path, tmp_path / "records", make_sections(records))
    (picture,) = [picture for picture in made if picture.path.name == "attention_photographs_x4.png"]
    return [column.title for column in picture.draw.args[1]]


def test_the_teacher_comes_before_its_students_and_labels_alone_before_distillers(tmp_path, of_four):
    assert columns(tmp_path, of_four) == ["EDSR (wide)", "ESPCN", "ESPCN, fakd from EDSR (wide)"]


def test_a_damaged_file_leaves_its_column_out(tmp_path, of_four):
    (tmp_path / "records" / of_four[2].attention_file).write_bytes(b"not a zip")
    assert columns(tmp_path, of_four) == ["EDSR (wide)", "ESPCN"]


def test_one_model_alone_has_no_picture(tmp_path):
    records = [record(tmp_path), make_record("bicubic", scale=4)]
    assert attention_pictures(tmp_path, tmp_path / "records", make_sections(records)) == []


def test_the_page_shows_the_picture_and_a_clone_keeps_it(tmp_path, of_four, monkeypatch):
    monkeypatch.setattr("srbench.report.writing.plot_pictures", lambda *_: [])
    write_records(tmp_path, of_four)
    files = build_report(tmp_path)
    picture = tmp_path / "attention_photographs_x4.png"
    assert picture in files.figures
    text = files.markdown.read_text()
    assert f"![Where recognisers look, Photographs x4]({picture.name})" in text
    drawn = picture.read_bytes()
    for name in (r.attention_file for r in read_records(tmp_path).records if r.attention_file):
        (tmp_path / "records" / name).unlink()
    again = build_report(tmp_path, force=True)
    assert picture in again.figures
    assert picture.read_bytes() == drawn
    assert again.markdown.read_text() == text
    assert any(picture.name in warning for warning in again.warnings)


def test_other_degradations_and_several_tables_have_other_names(tmp_path):
    records = [
        record(tmp_path / str(number), name, degradation=degradation, inference=inference)
        for number, (name, degradation, inference) in enumerate(
            (name, *place) for name in ("espcn", "fsrcnn") for place in (("blur_down", "whole"), ("blur_down", "chop"))
        )
    ]
    for number in range(4):
        (tmp_path / str(number) / "records" / "images").rename(tmp_path / f"images{number}")
    records = [
        r.model_copy(update={"attention_file": f"images{n}/{r.key[:16]}/attention.npz"}) for n, r in enumerate(records)
    ]
    made = attention_pictures(tmp_path, tmp_path, make_sections(records))
    assert sorted(picture.path.name for picture in made) == [
        "attention_photographs_x4_blur_down_1.png", "attention_photographs_x4_blur_down_2.png",
    ]  # fmt: skip
