"""``srbench degrade``."""

import json

import numpy as np
import pytest

from helpers.catalogs import share
from helpers.sentences import sentence
from srbench.imaging.files import read_image, write_png


@pytest.fixture
def srbench(srbench, catalog, monkeypatch):
    """On the catalog that all tests share: what loads plugins is tested elsewhere."""
    share(monkeypatch, catalog)
    return srbench


@pytest.fixture
def photo(srbench):
    path = srbench.folder / "ant.png"
    rows, columns = np.mgrid[:50, :61]
    write_png(path, np.stack([rows * 5, columns * 4, rows + columns], -1).astype(np.uint8))
    return path


def degraded(srbench, *words, name="anisotropic_noise"):
    return srbench("degrade", "ant.png", "--degradation", name, "--scale", 4, "--out", "lr", *words)


def test_an_lr_has_its_realisation_beside_it(srbench, photo):
    answer = degraded(srbench)
    assert (answer.status, answer.out) == (0, "ant.png → lr/ant_x4.png, ant_x4.json\n")
    assert read_image(srbench.folder / "lr/ant_x4.png").shape == (12, 15, 3)
    realisation = json.loads((srbench.folder / "lr/ant_x4.json").read_text())
    assert (realisation["degradation"], realisation["scale"], realisation["image"]) == (
        "anisotropic_noise",
        4,
        "ant.png",
    )
    assert set(realisation["drawn"]["steps"][0]["drawn"]) == {"first", "second", "angle_degrees"}


def test_an_lr_is_made_again_from_its_realisation(srbench, photo):
    degraded(srbench)
    again = srbench("degrade", "ant.png", "--from", "lr/ant_x4.json", "--out", "again")
    assert again.status == 0
    assert "✓ anisotropic_noise, version 1, x4: made again, every pixel equal to ant_x4.png." in again.out
    assert (srbench.folder / "again/ant_x4.png").read_bytes() == (srbench.folder / "lr/ant_x4.png").read_bytes()
    (srbench.folder / "lr/ant_x4.png").unlink()
    assert "there is no ant_x4.png beside it" in srbench("degrade", "ant.png", "--from", "lr/ant_x4.json").out


@pytest.mark.parametrize("stem", ["x" * 250, "ä" * 125])
def test_an_image_whose_name_is_as_long_as_can_be_is_degraded_and_made_again(srbench, photo, stem):
    photo.rename(srbench.folder / f"{stem}.png")
    answer = srbench(
        "degrade", f"{stem}.png", "--degradation", "bicubic", "--scale", 4, "--realisations", 1, "--out", "lr"
    )
    assert (answer.status, answer.err) == (0, "")
    (written,) = (srbench.folder / "lr").glob("*.png")
    assert written.name.startswith(stem[:50])
    again = srbench("degrade", f"{stem}.png", "--from", f"lr/{written.stem}.json", "--out", "again")
    assert again.status == 0
    assert "every pixel equal to" in again.out


def test_an_lr_that_is_not_what_was_drawn_is_found_out(srbench, photo):
    degraded(srbench)
    pixels = read_image(srbench.folder / "lr/ant_x4.png")
    pixels[3, 4, 1] ^= 1
    write_png(srbench.folder / "lr/ant_x4.png", pixels)
    answer = srbench("degrade", "ant.png", "--from", "lr/ant_x4.json")
    assert answer.status == 1
    assert "✗ anisotropic_noise, version 1, x4: made again, and it differs" in answer.out


def test_seeds_and_realisations_differ_and_stay_what_they_are(srbench, photo):
    degraded(srbench, "--realisations", 2)
    degraded(srbench, "--seed", 1, "--out", "other")
    degraded(srbench, "--out", "same")
    files = ("lr/ant_x4_0.png", "lr/ant_x4_1.png", "other/ant_x4.png", "same/ant_x4.png")
    first, second, other, same = ((srbench.folder / file).read_bytes() for file in files)
    assert first == same
    assert len({first, second, other}) == 3


def test_a_folder_is_degraded_image_by_image_and_a_list_of_kernels_one_by_one(srbench, photo):
    (srbench.folder / "hr").mkdir()
    for name in ("a", "b"):
        (srbench.folder / "hr" / f"{name}.png").write_bytes(photo.read_bytes())
    answer = srbench("degrade", "hr", "--degradation", "gaussian8", "--scale", 2, "--out", "lr")
    assert answer.status == 0
    assert len(list((srbench.folder / "lr").glob("*.png"))) == 16


def test_hidden_files_are_no_images_and_others_are_named(srbench, photo):
    (srbench.folder / "hr").mkdir()
    (srbench.folder / "hr" / "a.png").write_bytes(photo.read_bytes())
    for name in ("._a.png", "Thumbs.db", "notes.txt"):
        (srbench.folder / "hr" / name).write_bytes(b"x")
    answer = srbench("degrade", "hr", "--degradation", "bicubic", "--scale", 2, "--out", "lr")
    assert answer.out == "Left out, as no images: notes.txt.\nhr/a.png → lr/a_x2.png, a_x2.json\n"


def test_an_image_too_small_is_named(srbench, photo):
    write_png(srbench.folder / "dot.png", np.zeros((3, 40, 3), np.uint8))
    answer = srbench("degrade", "dot.png", "--degradation", "bicubic", "--scale", 4, "--out", "lr")
    assert "dot.png has 3×40 pixels, too few for an LR at x4; use a smaller scale" in sentence(answer)


def test_nothing_is_overwritten(srbench, photo):
    degraded(srbench)
    before = (srbench.folder / "lr/ant_x4.png").read_bytes()
    assert "lr/ant_x4.png exists already" in sentence(degraded(srbench, name="bicubic"))
    assert "exists already" in sentence(srbench("degrade", "ant.png", "--from", "lr/ant_x4.json", "--out", "lr"))
    assert (srbench.folder / "lr/ant_x4.png").read_bytes() == before


def test_a_file_of_steps_can_be_given(srbench, photo):
    (srbench.folder / "mine.toml").write_text('[[steps]]\nstep = "area_down"\n')
    assert degraded(srbench, name="chain:mine.toml").status == 0
    (srbench.folder / "mine.toml").write_text('[[steps]]\nstep = "gaussian_blur"\nsigma_px = "2"\n')
    refusal = sentence(degraded(srbench, name="chain:mine.toml"))
    assert "mine.toml, line 3, [[steps]] 1: sigma_px = '2' does not fit: expected a valid number" in refusal


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ant.png",), "Give --degradation, --scale and --out, or --from"),
        (("absent.png", "--degradation", "area", "--scale", 2, "--out", "lr"), "absent.png does not exist"),
        (("ant.png", "--degradation", "aria", "--scale", 2, "--out", "lr"), "Did you mean area?"),
        (("ant.png", "--degradation", "area", "--scale", "2,3", "--out", "lr"), "Give one scale"),
        (("ant.png", "--degradation", "gaussian8", "--scale", 8, "--out", "lr"), "has no scale 8; it has 2, 3, 4"),
        (
            ("ant.png", "--degradation", "area", "--scale", 2, "--out", "lr", "--realisations", 3),
            "3 realisations of area would all be the same",
        ),
        (("ant.png", "--from", "x.json", "--scale", 2), "--from has everything in its file"),
        (("ant.png", "--from", "x.json", "--seed", 0), "--from has everything in its file"),
        (("ant.png", "--from", "x.json"), "x.json cannot be read"),
        ((".", "--from", "x.json"), "is not a file; --from needs the one HR image"),
        (("empty", "--degradation", "area", "--scale", 2, "--out", "lr"), "holds no image"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(srbench, photo, words, message):
    (srbench.folder / "empty").mkdir()
    assert message in sentence(srbench("degrade", *words))


def test_another_image_than_it_was_drawn_for_is_refused(srbench, photo):
    degraded(srbench)
    write_png(srbench.folder / "bee.png", np.zeros((40, 40, 3), np.uint8))
    answer = srbench("degrade", "bee.png", "--from", "lr/ant_x4.json")
    assert "drawn for an image of 48 x 60 pixels, and this one has 40 x 40" in sentence(answer)


def test_steps_are_listed_and_shown_with_units_and_defaults(srbench):
    listed = srbench("list", "steps", "--fresh").out
    assert "gaussian_blur" in listed
    assert "sigma_px, side_px, border" in listed
    shown = srbench("show", "gaussian_noise").out
    assert "level = 0.0, 25.0: 8-bit levels, standard deviation" in shown
    assert srbench("check", "gaussian_noise").status == 0
