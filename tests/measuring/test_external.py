"""Images made elsewhere are matched by name and measured as our own."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import srbench
from srbench.benchmarking.outcomes import scored_folder
from srbench.datasets.library import Library
from srbench.errors import DataError, ShapeError
from srbench.imaging.files import read_image, write_png
from srbench.imaging.resize import imresize
from srbench.measuring.external import match_files, mean_scores, score_folder
from srbench.measuring.pairs import Pairs
from srbench.measuring.protocol import protocol_named
from srbench.measuring.scoring import Scorer

HERE = Path("sr")


def files(*names):
    return [HERE / name for name in names]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("baby.png", "baby"), ("baby_x2.png", "baby"), ("babyx2.png", "baby"), ("woman_RCAN_x2.png", "woman"),
        ("BABY_SR.png", "baby"), ("e\u0301te\u0301_x2.png", "\u00e9t\u00e9"), ("2.png", "02"),
        ("img_001_SRF_2_SR.png", "img_001"), ("0801x4.png", "0801"), ("sr-baby-1.png", "baby"),
    ],
)  # fmt: skip
def test_files_are_matched_by_the_name_they_contain(file, name):
    assert match_files(files(file), [name], HERE) == {name: HERE / file}


def test_the_longest_name_wins_and_a_name_inside_a_word_is_none():
    found = match_files(files("img_01.png", "img_010.png", "bird_big_x2.png", "bird.png"),
                        ["img_01", "img_010", "bird", "bird_big"], HERE)  # fmt: skip
    assert {name: path.name for name, path in found.items()} == {
        "img_01": "img_01.png", "img_010": "img_010.png", "bird": "bird.png", "bird_big": "bird_big_x2.png",
    }  # fmt: skip
    with pytest.raises(DataError, match=r"has no image for 1 of 1: ant; add them"):
        match_files(files("elephant.png"), ["ant"], HERE)


def test_missing_images_are_listed_and_doubles_named():
    with pytest.raises(DataError, match=r"sr has no image for 6 of 7: b, c, d, e, f, …; add them"):
        match_files(files("a.png"), list("abcdefg"), HERE)
    with pytest.raises(DataError, match=r"sr has 2 images for a: a.png, a_x2.png; keep one"):
        match_files(files("a.png", "a_x2.png"), ["a"], HERE)


def test_a_file_that_may_be_either_image_is_neither():
    with pytest.raises(DataError, match="has no image for 2 of 2: ant, bee"):
        match_files(files("ant_bee.png"), ["ant", "bee"], HERE)


@given(st.sets(st.from_regex(r"[a-z]{1,4}(_[0-9]{1,3})?", fullmatch=True), min_size=1, max_size=6))
def test_every_name_with_a_suffix_of_its_own_finds_its_file(names):
    found = match_files(files(*(f"{name}_x2.png" for name in sorted(names))), sorted(names), HERE)
    assert {name: path.stem for name, path in found.items()} == {name: f"{name}_x2" for name in names}


@pytest.fixture
def score(tiny, catalog, tmp_path):
    def scoring(protocol="classic-y", folder=tmp_path / "sr", further=()):
        metrics = [*(catalog.metrics[name] for name in ("psnr_y", "ssim_rgb")), *further]
        library = Library(tiny.data, catalog.datasets)
        return score_folder(folder, catalog.datasets["tiny_test"], library, 2, protocol_named(protocol), metrics, "cpu")

    return scoring


def test_a_folder_scores_as_the_same_images_do_here(score, tiny, catalog, tmp_path):
    library = Library(tiny.data, catalog.datasets)
    pairs = Pairs(library=library, dataset=catalog.datasets["tiny_test"], degradation=catalog.degradations["bicubic"],
                  code_hash="f", scale=2, protocol=protocol_named("classic-y"))  # fmt: skip
    metrics = [catalog.metrics[name] for name in ("psnr_y", "ssim_rgb")]
    scorer, expected = Scorer(metrics, protocol_named("classic-y"), 2, torch.device("cpu")), {}
    for pair in pairs:
        sr = imresize(pair.lr.double(), scale=2)
        expected[pair.name] = scorer.score(sr, pair.hr)
        levels = (sr[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous()
        write_png(tmp_path / "sr" / f"{pair.name}_x2.png", levels.numpy())
    (tmp_path / "sr" / "fox.png").write_bytes((tmp_path / "sr" / "ant_x2.png").read_bytes())
    (tmp_path / "sr" / "._ant_x2.png").write_bytes(b"resource fork")
    (tmp_path / "sr" / "log.txt").touch()
    table, absent, notes, metrics, *_ = score()
    assert [metric.name for metric in metrics] == ["psnr_y", "ssim_rgb"]
    assert absent == {}
    assert notes == ("Left out, as no image of TinyTest: fox.png, log.txt.",)
    assert {name: dict(row) for name, row in table.items()} == {n: pytest.approx(dict(r)) for n, r in expected.items()}


def test_an_infinite_score_is_empty_with_the_reason_and_has_no_mean(score, tiny, tmp_path):
    ant, bee = (read_image(tiny.data / "TinyTest" / f"{name}.png") for name in ("ant", "bee"))
    write_png(tmp_path / "sr" / "ant.png", ant)
    bee[:2] //= 2  # in the border that is shaved
    write_png(tmp_path / "sr" / "bee.png", bee)
    table, _, notes, *_ = score()
    assert table == {"ant": {"psnr_y": None, "ssim_rgb": 1.0}, "bee": {"psnr_y": None, "ssim_rgb": 1.0}}
    assert mean_scores(table) == {"psnr_y": None, "ssim_rgb": 1.0}
    assert notes == (
        "ant: sr equals hr, pixel for pixel; is it the HR file?",
        "bee: psnr_y is infinite: sr equals hr in all that it compares.",
    )


def test_an_image_of_another_size_is_named(score, tiny, tmp_path):
    for name in ("ant", "bee"):
        image = read_image(tiny.data / "TinyTest" / f"{name}.png")
        write_png(tmp_path / "sr" / f"{name}.png", image if name == "ant" else image[:-2].copy())
    with pytest.raises(ShapeError, match=r"bee.png: The super-resolved image is 38×36 .* and its hr 40×36"):
        score()


def test_a_folder_that_is_not_there_is_named(score, tmp_path):
    with pytest.raises(DataError, match=r"The folder .*nowhere does not exist"):
        score(folder=tmp_path / "nowhere")


def test_a_score_of_the_set_is_in_the_row_of_means(score, tiny, tmp_path):
    for name, seed in (("ant", 1), ("bee", 2)):
        tiny.picture(tmp_path / "sr" / f"{name}.png", seed)
    of_set = srbench.SetMetricSpec(
        name="count", label="c", load=lambda device: lambda images: images.mean(dim=(2, 3)),
        score=lambda sr, hr: len(sr) + len(hr) / 10,
    )  # fmt: skip
    found = score(further=(of_set,))
    assert [row["count"] for _, row in found.rows] == [None, None, 2.2]
    assert scored_folder(found, "tiny_test", 2).mean["count"] == 2.2
