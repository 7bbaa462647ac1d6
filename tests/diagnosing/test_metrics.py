"""The protocol of a claimed score, and faults of images, are named: of published images, and of generated ones."""

import shutil

import numpy as np
import pytest
import torch.nn.functional as F
from PIL import Image

from diagnosing.conftest import reference, resized
from helpers.published import rows_of
from srbench.diagnosing.colours import planes_of
from srbench.diagnosing.faults import faults, look
from srbench.diagnosing.metrics import diagnose
from srbench.errors import DataError, UsageError
from srbench.upscaling.loading import load_upscaler


@pytest.mark.parametrize(("scale", "claim"), [(2, "38.27"), (4, "0.9002"), (4, "32.63")])
def test_rcans_own_images_have_the_scores_of_its_paper_by_the_protocol_of_papers(scale, claim, shared):
    found = diagnose(shared(f"data/rcan_sr/x{scale}"), shared("data/Set5/HR"), claim=claim)
    assert found.scale == scale
    assert (found.matches[0].colour, found.matches[0].shave) == ("y", scale)
    assert "classic-y" in found.matches[0].presets
    assert not found.faults
    assert not found.origins


def test_what_pans_log_says_of_its_images_is_named(shared, tmp_path, catalog):
    names = ("bird",)  # a small one
    log = {row["image"]: row for row in rows_of(shared("oracles/scores/pan_per_image.csv")) if row["scale"] == "4"}
    pan = load_upscaler("pan.df2k", catalog, 4, weights_folders=[shared("weights")])
    for folder in ("sr", "hr"):
        (tmp_path / folder).mkdir()
    for name in names:
        lr = Image.open(shared(f"data/Set5/LR_bicubic/X4/{name}x4.png")).convert("RGB")
        pan.upscale(lr).save(tmp_path / "sr" / f"{name}.png")
        shutil.copy(shared(f"data/Set5/HR/{name}.png"), tmp_path / "hr")
    for column, colour, presets in (
        ("psnr_rgb_db", "rgb", ("rgb", "ntire-esr")), ("psnr_y_db", "y", ("classic-y",)),
        ("ssim_rgb", "rgb", ("rgb", "ntire-esr")), ("ssim_y", "y", ("classic-y",)),
    ):  # fmt: skip
        claim = f"{np.mean([float(log[name][column]) for name in names]):.4f}"
        found = diagnose(tmp_path / "sr", tmp_path / "hr", scale=4, claim=claim)
        first = found.matches[0]
        assert (first.score, first.colour, first.shave) == (column.partition("_")[0], colour, 4)
        assert first.presets == presets
        assert not found.faults


def test_a_score_on_rgb_is_told_from_that_of_papers(folders):
    claim = f"{reference(folders.sr, folders.hr, shave=4, y=False):.2f}"
    papers = f"{reference(folders.sr, folders.hr):.2f}"
    found = folders.diagnose(folders.sr, claim)
    assert f"{claim} is PSNR on RGB, shave 4 (preset ntire-esr)." in found.verdict
    assert f"Papers print PSNR on Y, shave 2 (preset classic-y), which is {papers} here." in found.verdict


def test_a_claim_that_nothing_gives_is_answered_with_the_nearest(folders):
    found = folders.diagnose(folders.sr, "77.77")
    assert not found.matches
    assert found.verdict.startswith("No way in use gives 77.77. The nearest is ")


def test_without_a_claim_the_usual_scores_and_their_spread_are_named(folders):
    found = folders.diagnose(folders.sr)
    assert found.claim is None
    by_name = {(own.score, name): own for own in found.readings for name in (*own.presets, *own.libraries)}
    usual = by_name["psnr", "classic-y"]
    assert usual.value == pytest.approx(reference(folders.sr, folders.hr), abs=1e-9)
    assert by_name["ssim", "classic-y"].value == pytest.approx(reference(folders.sr, folders.hr, "ssim"), abs=1e-9)
    assert usual.difference == 0
    assert by_name["psnr", "pyiqa psnry"].difference == pytest.approx(-1.32, abs=0.2)
    assert f"PSNR on Y, shave 2 is {usual.value:.2f}, as papers print" in found.verdict


def _torch(pixels, size, **how):
    import torch

    made = F.interpolate(torch.tensor(pixels).movedim(-1, 0)[None].float(), size, **how)
    return made.round().clamp(0, 255)[0].movedim(0, -1).to(torch.uint8).numpy()


def _opencv(pixels, size):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV")
    return cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_CUBIC)


UPSCALES = {
    "Pillow's BICUBIC": lambda lr, size: np.asarray(Image.fromarray(lr).resize(size[::-1], Image.Resampling.BICUBIC)),
    "torch's bicubic interpolate": lambda lr, size: _torch(lr, size, mode="bicubic"),
    "MATLAB's bicubic imresize": resized,
    "torch's bicubic interpolate with antialias": lambda lr, size: _torch(lr, size, mode="bicubic", antialias=True),
    "OpenCV's INTER_CUBIC": _opencv,
    "torch's bilinear interpolate with align_corners": lambda lr, size: _torch(
        lr, size, mode="bilinear", align_corners=True
    ),
}


@pytest.mark.parametrize("name", UPSCALES)
@pytest.mark.parametrize("with_lr", [True, False])
def test_the_resize_of_a_bicubic_baseline_is_named(name, with_lr, folders):
    lr = {own: np.asarray(Image.open(folders.base / "lr" / f"{own}.png")) for own in folders.hr}
    sr = {own: UPSCALES[name](pixels, folders.hr[own].shape[:2]) for own, pixels in lr.items()}
    claim = f"{reference(sr, folders.hr):.2f}"
    found = folders.diagnose(sr, claim, lr=folders.base / "lr" if with_lr else None)
    assert "classic-y" in found.matches[0].presets
    *_, of_sr = found.origins
    # OpenCV and torch without antialias agree to the last bit at x2, where their weights are short
    assert name in of_sr.rstrip(".").partition("enlarged by ")[2].split(" or ")
    assert ("lr is hr reduced by MATLAB's bicubic imresize." in found.origins) is with_lr
    assert of_sr.startswith("sr is lr enlarged" if with_lr else "sr is hr reduced by MATLAB's bicubic imresize and")


def test_lr_of_another_library_is_named(folders):
    halves = {name: tuple(side // 2 for side in pixels.shape[:2]) for name, pixels in folders.hr.items()}
    small = {name: _torch(pixels, halves[name], mode="bicubic") for name, pixels in folders.hr.items()}
    found = folders.diagnose(folders.sr, "30", lr=folders.save(small, "other"), scale=None)
    assert found.scale == 2
    assert found.origins[0].startswith("lr is hr reduced by torch's bicubic interpolate")
    assert "Papers use MATLAB's bicubic imresize; scores with other lr are other scores." in found.origins[0]


def moved(pixels, down, right):
    """An image moved by parts of a pixel, exactly but for its edges."""
    made = np.pad(pixels.astype(float), ((16, 16), (16, 16), (0, 0)), mode="symmetric")
    for axis, step in ((0, down), (1, right)):
        turns = np.exp(-2j * np.pi * np.fft.fftfreq(made.shape[axis]) * step)
        made = np.fft.ifft(np.fft.fft(made, axis=axis) * np.expand_dims(turns, (1 - axis, 2)), axis=axis).real
    return np.clip(made, 0, 255).round().astype(np.uint8)[16:-16, 16:-16]


def test_images_off_by_half_a_pixel_are_recognised(folders):
    claim = f"{reference(folders.soft, folders.hr):.2f}"
    found = folders.diagnose({name: moved(pixels, 0.5, 0.5) for name, pixels in folders.soft.items()}, claim)
    (fault,) = found.faults
    assert fault.kind == "shift"
    assert "sr is 0.5 px down and 0.5 px to the right of hr" in fault.about
    assert fault.approximate
    assert fault.psnr_y == pytest.approx(float(claim), abs=0.4)
    assert f"{claim} is PSNR on Y, shave 2 (preset classic-y), with sr moved back (about)." in found.verdict


def test_images_off_by_a_whole_pixel_are_moved_back(folders):
    found = folders.diagnose({name: np.roll(pixels, 1, axis=1) for name, pixels in folders.sr.items()}, "30")
    (fault,) = found.faults
    assert "sr is 1 px to the right of hr" in fault.about
    assert not fault.approximate
    assert fault.psnr_y == pytest.approx(reference(folders.sr, folders.hr), abs=0.3)  # but for the column at the edge


@pytest.mark.parametrize("quality", [60, 90])
def test_images_saved_as_jpeg_are_recognised(quality, folders):
    claim = f"{reference(folders.soft, folders.hr):.2f}"
    found = folders.diagnose(folders.soft, claim, suffix=".jpg", options={"quality": quality})
    fault, lossy = found.faults[0], next(own.value for own in found.readings if "classic-y" in own.presets)
    assert fault.kind == "jpeg"
    assert f"JPEG of quality {quality} or so" in fault.about
    assert fault.psnr_y == pytest.approx(float(claim), abs=0.4)
    assert abs(fault.psnr_y - float(claim)) < 0.7 * abs(lossy - float(claim))
    assert f"{claim} is PSNR on Y, shave 2 (preset classic-y), with sr before JPEG (about)." in found.verdict


def test_exchanged_channels_are_recognised_and_the_claim_is_named(folders):
    claim = f"{reference(folders.sr, folders.hr):.2f}"
    found = folders.diagnose({name: pixels[..., ::-1].copy() for name, pixels in folders.sr.items()}, claim)
    (fault,) = found.faults
    assert fault.kind == "channels"
    assert "BGR" in fault.about
    assert fault.psnr_y == pytest.approx(reference(folders.sr, folders.hr), abs=1e-9)
    assert found.verdict.startswith(
        f"{claim} is PSNR on Y, shave 2 (preset classic-y), with red and blue exchanged. As the images are, it is "
    )


def test_images_of_a_wrong_size_are_compared_where_they_agree_best(folders):
    small = {name: pixels[:-3, :-5] for name, pixels in folders.sr.items()}
    hr = {name: pixels[:-3, :-5] for name, pixels in folders.hr.items()}
    claim = f"{reference(small, hr):.2f}"
    found = folders.diagnose({name: pixels.copy() for name, pixels in small.items()}, claim)
    (fault,) = found.faults
    assert fault.kind == "size"
    assert "astronaut.png is 61×59 instead of 64×64" in fault.about
    assert "cut to their common area from the top left" in fault.about
    assert "classic-y" in found.matches[0].presets


def test_images_that_were_stretched_to_a_wrong_size_are_stretched_back(folders):
    found = folders.diagnose({name: resized(pixels, (60, 60)) for name, pixels in folders.sr.items()}, "30")
    assert "stretched to the size of hr" in found.faults[0].about


def test_turned_images_and_other_levels_are_recognised(folders):
    found = folders.diagnose({name: pixels[:, ::-1].copy() for name, pixels in folders.sr.items()}, "30")
    assert [fault.about for fault in found.faults] == ["The images of sr are mirrored left to right."]
    assert found.faults[0].psnr_y == pytest.approx(reference(folders.sr, folders.hr), abs=1e-9)
    limited = {name: (16 + pixels * (219 / 255)).round().astype(np.uint8) for name, pixels in folders.sr.items()}
    found = folders.diagnose(limited, "30")
    assert [fault.kind for fault in found.faults] == ["levels"]
    assert "It has the limited range of video, 16 to 235." in found.faults[0].about
    assert found.faults[0].psnr_y == pytest.approx(reference(folders.sr, folders.hr), abs=0.1)


def test_an_image_that_is_unlike_the_others_is_named(folders):
    found = folders.diagnose(folders.sr | {"cat": folders.sr["cat"][..., ::-1].copy()}, "30")
    (fault,) = found.faults
    assert fault.kind == "mixed"
    assert fault.about.startswith("cat.png: unlike the others")
    assert fault.psnr_y is None


def test_the_blocks_of_jpeg_are_seen_in_lossless_files_and_not_in_others(shared, tmp_path):
    files = [shared(f"data/rcan_sr/x2/{name}_RCAN_x2.png") for name in ("bird", "woman")]
    looks = []
    for path in files:
        sr = Image.open(path)
        sr.save(tmp_path / "lossy.jpg", quality=75)
        hr = np.asarray(Image.open(shared(f"data/Set5/HR/{path.name.split('_')[0]}.png")).convert("RGB"))
        hr = planes_of(hr[: sr.height, : sr.width])
        looks.append([look(planes_of(np.asarray(i)), hr, path) for i in (sr, Image.open(tmp_path / "lossy.jpg"))])
    sound, lossy = (list(own) for own in zip(*looks, strict=True))
    assert faults(sound) == []
    assert [fault.about for fault in faults(lossy)] == [
        "sr has the blocks of JPEG, although its files are lossless: it was saved as JPEG before."
    ]


def test_images_that_equal_their_truth_are_left_out(folders):
    found = folders.diagnose(folders.sr | {"cat": folders.hr["cat"]})
    assert found.notes == ("Left out, as they equal hr, pixel for pixel: cat.png; are they the HR files?",)
    rest = {name: pixels for name, pixels in folders.sr.items() if name != "cat"}
    usual = next(own for own in found.readings if "classic-y" in own.presets and own.score == "psnr")
    assert usual.value == pytest.approx(reference(rest, folders.hr), abs=1e-9)
    with pytest.raises(DataError, match="Every image equals its truth"):
        folders.diagnose(folders.hr)


def test_greyscale_images_are_kept_grey_by_presets_that_do(folders):
    grey = {name: pixels.mean(axis=2).astype(np.uint8) for name, pixels in folders.hr.items()}
    made = {name: pixels.mean(axis=2).astype(np.uint8) for name, pixels in folders.sr.items()}
    folders.save(grey, "hr")
    found = folders.diagnose(made)
    values = {name: own.value for own in found.readings if own.score == "psnr" for name in own.presets}
    assert values["classic-y"] - values["matlab-u8"] == pytest.approx(1.31, abs=0.05)


def test_bad_input_is_refused_in_a_sentence(folders, tmp_path):
    with pytest.raises(UsageError, match="--claim high is not a score"):
        folders.diagnose(folders.sr, "high")
    with pytest.raises(UsageError, match="give --scale"):
        folders.diagnose(folders.sr, "30", scale=None)
    with pytest.raises(DataError, match="does not exist"):
        diagnose(tmp_path / "none", folders.base / "hr", scale=2)
