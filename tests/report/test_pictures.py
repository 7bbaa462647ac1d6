"""The pictures of a report are drawn, shown, and removed."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.records import quick_records
from srbench.report.build import build_report
from srbench.report.leaderboard.plots import plot_pictures
from srbench.report.leaderboard.sections import make_sections
from srbench.report.pictures import Picture, draw_pictures, figure_at
from srbench.report.reading import PACKED


def test_a_report_has_its_figures_and_shows_them(drawn):
    names = {p.name for p in build_report(drawn).figures}
    assert names == {
        "psnr_vs_macs_x2.png", "psnr_vs_macs_x4.png", "psnr_vs_latency_x2.png", "psnr_vs_latency_x4.png",
        "crops_x2_bicubic.png", "crops_x4_bicubic.png", "crops_x2_blur_down.png", "perception_photographs_x2.png",
        "perception_photographs_x4.png", "perception_photographs_x2_blur_down.png",
    }  # fmt: skip
    text = (drawn / "leaderboard.md").read_text()
    for name in names:
        with Image.open(drawn / name) as picture:
            picture.load()
            assert min(picture.size) > 300
            assert np.asarray(picture.convert("L")).std() > 5
        assert f"]({name})" in text


def test_a_figure_that_is_no_longer_made_is_removed(drawn, tmp_path, monkeypatch):
    import shutil

    folder = tmp_path / "results"
    shutil.copytree(drawn, folder)
    (folder / PACKED).unlink()
    for file in (folder / "records").glob("*.json"):
        if '"scale": 4' in file.read_text():
            file.unlink()
    monkeypatch.setattr("srbench.report.writing.crop_pictures", lambda *_: ([], []))
    build_report(folder)
    assert sorted(p.name for p in folder.glob("[!g]*.png")) == [
        "perception_photographs_x2.png", "perception_photographs_x2_blur_down.png",
        "psnr_vs_latency_x2.png", "psnr_vs_macs_x2.png",
    ]  # fmt: skip


def test_without_matplotlib_the_tables_are_still_written(results, monkeypatch):
    for module in ("build", "pictures"):
        monkeypatch.setattr(f"srbench.report.{module}.can_draw", lambda: False)
    files = build_report(results)
    assert files.figures == ()
    assert "matplotlib is missing" in files.warnings[0]
    assert files.csv.is_file()
    monkeypatch.undo()
    monkeypatch.setattr("srbench.report.writing.draw_pictures", lambda *_: (set(), []))
    assert build_report(results).warnings == ()  # once it is there, figures are wanted


@pytest.mark.filterwarnings("error")
def test_names_in_pictures_are_text_and_may_have_characters_that_the_font_lacks(tmp_path):
    with figure_at(tmp_path / "odd.png", 2, 1) as figure:
        figure.suptitle("$\\frac{a$ 网络 \x1b[31m")
    assert (tmp_path / "odd.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "explained"),
    [("EDSR*", True), ("EDSR, mipkd* from RCAN", True), ("EDSR", False), ("2*3", False)],
)
def test_a_star_behind_a_name_is_explained_below_the_figure(tmp_path, name, explained):
    with figure_at(tmp_path / "stars.png", 4, 2) as figure:
        figure.subplots().set_title(name)
        figure.legend(handles=figure.axes[0].plot([1, 2], label="line"), loc="outside lower center")
    words = [text.get_text() for text in figure.texts]
    assert (words == ["* reimplementation of a method whose paper leaves details open"]) is explained
    with Image.open(tmp_path / "stars.png") as picture:
        assert (picture.height > 300) is explained
    legend, axis = figure.legends[0].get_window_extent(), figure.axes[0].get_tightbbox()
    assert legend.y1 < axis.y0
    if explained:
        assert figure.texts[0].get_window_extent().y1 < legend.y0


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_a_vector_figure_is_for_a_paper_and_always_the_same_bytes(tmp_path, kind):
    (picture, *_) = plot_pictures(tmp_path, make_sections(quick_records()))
    made = []
    for name in ("first", "second"):
        picture.draw(tmp_path / f"{name}.{kind}")
        made.append((tmp_path / f"{name}.{kind}").read_bytes())
    assert made[0] == made[1]
    assert not re.search(rb"<image|/Subtype */Image|CreationDate|<dc:date", made[0])
    if kind == "pdf":
        assert b"/Subtype /CIDFontType2" in made[0] or b"/FontFile2" in made[0]
        assert re.search(rb"/MediaBox \[ *0 0 (504|244\.8)", made[0])
    else:
        assert re.search(rb'width="(504|244\.8)pt"', made[0])


def test_pictures_of_images_have_no_vector_file(tmp_path):
    drawn, _ = draw_pictures([Picture(tmp_path / "crops.png", Path.touch, image=True)], ["png", "pdf"])
    assert {path.name for path in drawn} == {"crops.png"}
