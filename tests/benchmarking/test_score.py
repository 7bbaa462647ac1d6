"""`srbench.score` gives a pair of images in memory the numbers that `srbench score` gives their files."""

import csv
import math

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

import srbench
from srbench.errors import DataError, ShapeError, SrbenchError, UnavailableError
from srbench.measuring.protocol import PROTOCOLS

GENERATOR = np.random.default_rng(0)
HR = GENERATOR.integers(0, 256, (41, 38, 3), np.uint8)
SR = np.clip(HR[:40].astype(int) + GENERATOR.integers(-9, 10, (40, 38, 3)), 0, 255).astype(np.uint8)


def test_the_psnr_on_rgb_is_that_of_scikit_image():
    inner = np.s_[2:-2, 2:-2]
    expected = peak_signal_noise_ratio(HR[:40][inner], SR[inner])
    assert srbench.score(SR, HR, scale=2)["psnr_rgb"] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("protocol", [name for name, own in PROTOCOLS.items() if not own.crop])
def test_files_pillow_images_arrays_and_tensors_have_one_score(tmp_path, protocol):
    files = tmp_path / "sr.png", tmp_path / "hr.png"
    for file, pixels in zip(files, (SR, HR), strict=True):
        Image.fromarray(pixels).save(file)
    by_file = srbench.score(*files, protocol, scale=2)
    tensors = [torch.from_numpy(pixels).movedim(-1, 0) for pixels in (SR, HR)]
    kinds = [(SR, HR), (Image.fromarray(SR), Image.fromarray(HR)), (SR, str(files[1])), tensors]
    assert len(by_file) == (2 if protocol == "luma-first" else 4)
    for sr, hr in kinds:
        assert srbench.score(sr, hr, protocol, scale=2) == by_file
    if protocol != "luma-first":
        floats = [tensor.float()[None] / 255 for tensor in tensors]
        assert srbench.score(*floats, protocol, scale="2") == by_file


def test_images_that_are_smaller_than_what_a_protocol_measures_are_refused():
    with pytest.raises(ShapeError, match="An image of 40×38 has no middle of 512×512 pixels"):
        srbench.score(SR, HR, "real-isr-512", scale=2)


def test_the_command_line_prints_the_same_numbers(tmp_path, monkeypatch, tiny, typed):
    sr = tmp_path / "sr"
    sr.mkdir()
    pairs = {}
    for number, hr in enumerate(sorted((tiny.data / "TinyTest").iterdir())):
        pixels = np.asarray(Image.open(hr)) // 2 + number
        Image.fromarray(pixels).save(sr / hr.name)
        pairs[hr.stem] = srbench.score(pixels, Image.open(hr), scale=2)
    words = ("--dataset", "tiny_test", "--scale", "2", "--data", tiny.data, "--plugin", tiny.plugin)
    assert typed("score", sr, *words, "--csv", tmp_path / "s.csv") == 0
    with (tmp_path / "s.csv").open() as file:
        *rows, mean = csv.DictReader(file)
    assert {row["image"]: row["psnr_y_db"] for row in rows} == {k: f"{v['psnr_y']:.12g}" for k, v in pairs.items()}
    assert float(mean["ssim_y"]) == pytest.approx(np.mean([v["ssim_y"] for v in pairs.values()]))


def test_grey_images_and_equal_ones_have_scores():
    grey = HR[:40, :, 0]
    assert srbench.score(grey, grey, scale=2)["psnr_y"] == math.inf
    assert srbench.score(Image.fromarray(grey), grey[..., None], scale=2)["ssim_y"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("sr", "options", "says"),
    [
        (SR[:-4], {"scale": 2}, "36×38 with 3 channels and its hr 40×38"),
        (SR[..., :2], {"scale": 2}, r"shape \(40, 38, 2\) cannot be scored"),
        (SR.astype(np.int64), {"scale": 2}, "An array of int64 cannot be scored; give uint8, or floats"),
        (Image.fromarray(SR).convert("CMYK"), {"scale": 2}, "mode CMYK is not scored; convert it to RGB or L"),
        (SR / 255, {"scale": 2, "protocol": "luma-first"}, "begins with 8-bit pixels; give uint8"),
        (SR, {"scale": "two"}, "^two is not a scale; give a number above 1"),
        (SR, {"scale": 2, "protocol": "classic"}, "No protocol named 'classic'. Did you mean classic-y?"),
        (SR, {"scale": 2, "metrics": "psnr"}, "No metric named 'psnr'"),
    ],
)
def test_what_cannot_be_scored_is_one_sentence(sr, options, says):
    with pytest.raises(SrbenchError, match=says):
        srbench.score(sr, HR, **options)


def test_a_metric_that_cannot_be_computed_is_an_error_only_where_it_was_asked_for():
    with pytest.raises(UnavailableError, match="psnr_rgb cannot be computed: the protocol luma-first measures luma"):
        srbench.score(SR, HR, "luma-first", scale=2, metrics="psnr_rgb")
    with pytest.raises(DataError, match=r"none\.png"):
        srbench.score("none.png", HR, scale=2)
