"""Real scales as a person types them."""

import json

import numpy as np
import pytest

import srbench as public
from helpers.catalogs import share
from helpers.sentences import sentence
from srbench.imaging.files import read_image, write_png


@pytest.fixture
def srbench(srbench, catalog, monkeypatch):
    """On the catalog that all tests share: what loads plugins is tested elsewhere."""
    share(monkeypatch, catalog)
    return srbench


def rows(srbench):
    frame = public.read_results(srbench.folder / "results").cells
    return frame, {(row.architecture, row.scale): row for row in frame.itertuples()}


def test_bicubic_is_measured_and_reported_at_real_scales(run, srbench, tiny):
    suite = tiny.suite('scales = [2, 1.5, 2.3, "3.7x1.5"]\narchitectures = ["bicubic", "bicubic_u8"]')
    answer = run(suite=suite)
    assert answer.status == 0, answer.err
    frame, found = rows(srbench)
    assert [scale for name, scale in found if name == "bicubic"] == ["1.5", "2", "2.3", "3.7x1.5"]
    assert frame.scale.dtype == "string"
    assert found["bicubic", "2.3"].psnr_y_protocol == "psnr_y@classic-y:sr=u8,y=bt601,shave=3,lr=bicubic-u8,whole"
    records = [json.loads(path.read_text()) for path in (srbench.folder / "results/records").glob("*.json")]
    assert {record["scale"]: type(record["scale"]) for record in records} == {
        2: int,
        1.5: float,
        2.3: float,
        "3.7x1.5": str,
    }
    page = (srbench.folder / "results/leaderboard.md").read_text()
    assert "## x3.7x1.5 · bicubic · classic-y" in page
    crops = {path.name for path in (srbench.folder / "results").glob("crops_*")}
    assert crops == {f"crops_x{scale}_bicubic.png" for scale in ("1.5", "2", "2.3", "3.7x1.5")}
    before = (srbench.folder / "results/leaderboard.csv").read_bytes()
    assert srbench("report").status == 0
    assert (srbench.folder / "results/leaderboard.csv").read_bytes() == before
    assert srbench("compare", "results", "results").status == 0


def test_a_trained_network_is_measured_at_its_next_scale_and_reduced(run, srbench, tiny):
    tiny.recipe(patch=4)
    suite = tiny.suite('scales = [2, 2.3]\nresize = true\ndatasets = ["tiny_test"]')
    answer = run("--scale", "2.3", suite=suite)
    assert answer.status == 0, answer.err
    frame, found = rows(srbench)
    assert frame.scale.dtype == "float64"
    assert (found["dot", 2.3].inference, found["bicubic", 2.3].inference) == ("whole,resize=3", "whole")
    assert found["dot", 2.3].psnr_y_protocol.endswith(",lr=bicubic-u8,whole,resize=3")


def test_a_network_of_whole_scales_is_refused_by_name(run, tiny):
    answer = run(suite=tiny.suite("scales = [2.3]"))
    assert answer.status == 2
    assert "tiny.toml, [[grid]] 1: dot has no scale 2.3; it has 2, 3. Name a network for any scale, or" in sentence(
        answer
    )


@pytest.mark.parametrize("scale", ['"2,3"', "0.5", "nan", "inf", '"2x"', "1e9", '"0x2"'])
def test_what_is_not_a_scale_is_refused_in_a_sentence(run, tiny, scale):
    answer = run(suite=tiny.suite(f"scales = [{scale}]"))
    assert answer.status == 2
    assert "does not fit: expected a number from 1 to 64" in sentence(answer)


@pytest.mark.parametrize(("scale", "shape"), [("2.3", (21, 26)), ("3.7x1.5", (13, 40))])
def test_degrade_makes_lr_at_real_scales_and_again(srbench, scale, shape):
    rng = np.random.default_rng(0)
    write_png(srbench.folder / "ant.png", rng.integers(0, 256, (50, 61, 3), dtype=np.uint8))
    answer = srbench("degrade", "ant.png", "--degradation", "down_noise", "--scale", scale, "--out", "lr")
    assert (answer.status, answer.out) == (0, f"ant.png → lr/ant_x{scale}.png, ant_x{scale}.json\n")
    assert read_image(srbench.folder / f"lr/ant_x{scale}.png").shape == (*shape, 3)
    answer = srbench("degrade", "ant.png", "--from", f"lr/ant_x{scale}.json")
    assert (answer.status, answer.out[0]) == (0, "✓")


def test_degrade_refuses_what_has_whole_scales_only(srbench):
    write_png(srbench.folder / "ant.png", np.zeros((50, 61, 3), np.uint8))
    answer = srbench("degrade", "ant.png", "--degradation", "nearest", "--scale", "2.3", "--out", "lr")
    assert answer.status == 2
    assert sentence(answer) == "The degradation nearest has no scale 2.3; it has whole ones only."
    answer = srbench("degrade", "ant.png", "--degradation", "bicubic", "--scale", "60x64", "--out", "lr")
    assert answer.status == 2
    assert "ant.png has 50×61 pixels, too few for an LR at x60x64" in sentence(answer)


def test_profile_measures_a_network_for_any_scale_at_real_ones(srbench):
    answer = srbench("profile", "bicubic", "espcn", "--scale", "2.3", "--output", "46x23", "--seconds", "0.01")
    assert answer.status == 0, answer.err
    assert "x2.3" in answer.out
    assert "espcn" not in answer.out


def test_lists_and_pages_say_that_it_has_any_scale(srbench):
    listed = srbench("list", "architectures").out
    assert any("bicubic" in line and " any " in line for line in listed.splitlines())
    assert "any_scale: yes" in srbench("show", "bicubic", "--kind", "architecture").out
