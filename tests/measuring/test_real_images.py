"""Real images: pairs are measured on the lr they bring, and images without hr by the scores that need none."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from srbench.datasets.layouts import find_images
from srbench.datasets.library import Library
from srbench.datasets.manifest import read_manifest
from srbench.datasets.spec import DatasetSpec
from srbench.errors import DataError, ShapeError, TrainingError
from srbench.imaging.files import read_image, write_png
from srbench.measuring.external import score_image
from srbench.measuring.measure import measure
from srbench.measuring.metrics.spec import MetricSpec
from srbench.measuring.pairs import Pairs
from srbench.measuring.protocol import PROTOCOLS, Inference
from srbench.measuring.scoring import Scorer
from srbench.networks.network import Network, build_network
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.images import TrainingImages

FACTS = {"split": "test", "license": "CC0-1.0", "citation": "nobody", "images": None}


def picture(seed, height, width):
    coarse = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    smooth = nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return (smooth[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


def write_pair(hr, lr, seed, scale=2):
    write_png(hr, picture(seed, 24 * scale, 20 * scale))
    write_png(lr, picture(seed, 24, 20))


def pairs_of(catalog, root, spec, degradation="real", scale=2):
    return Pairs(
        library=Library(root, {spec.name: spec}), dataset=spec, degradation=catalog.degradations[degradation],
        code_hash="f", scale=scale, protocol=PROTOCOLS["classic-y"],
    )  # fmt: skip


def realsr(root):
    for camera in ("Canon", "Nikon"):
        folder = root / "RealSR(V3)" / camera / "Test" / "2"
        for number in (1, 2):
            name = f"{camera}_{number:03}"
            write_pair(folder / f"{name}_HR.png", folder / f"{name}_LR2.png", number)
    (spec,) = [s for s in read_manifest() if s.name == "realsr_v3_test_x2"]
    return DatasetSpec(name="realsr_v3_test_x2", label=spec.label, folders=spec.folders, **FACTS)


@pytest.fixture
def bicubic(catalog):
    return build_network(catalog.architectures["bicubic"], 2)


def score(network: Network, pairs, metrics, tmp_path):
    device = torch.device("cpu")
    return measure(network, pairs, metrics, Inference(), device, keep=1, folder=tmp_path / "kept", advance=lambda: None)


def test_realsr_is_found_with_both_cameras_and_measured_on_its_own_lr(catalog, tmp_path, bicubic):
    spec = realsr(tmp_path)
    pairs = pairs_of(catalog, tmp_path, spec)
    found = list(pairs)
    assert [pair.name for pair in found] == ["Canon_001", "Canon_002", "Nikon_001", "Nikon_002"]
    own = read_image(tmp_path / "RealSR(V3)/Canon/Test/2/Canon_002_LR2.png")
    assert np.array_equal((found[1].lr[0].permute(1, 2, 0) * 255).round().numpy(), own)
    assert pairs.lr_source() == "real-u8"
    result = score(bicubic, pairs, [catalog.metrics["psnr_y"]], tmp_path)
    assert result.scores["psnr_y"].value > 20
    assert "lr=real-u8" in result.scores["psnr_y"].protocol


def test_drealsr_is_paired_by_order_and_its_folder_says_the_scale(tmp_path):
    for number, name in enumerate(("a", "b", "c")):
        base = tmp_path / "DRealSR" / "Test_x4"
        write_pair(base / "test_HR" / f"{name}_x4.png", base / "test_LR" / f"z{number}_x1.png", number, 4)
    spec = DatasetSpec(name="drealsr_x4", label="DRealSR x4", folders=("DRealSR/Test_x4",), **FACTS)
    found = find_images(spec, tmp_path)
    assert list(found.hr) == ["a_x4", "b_x4", "c_x4"]
    assert {name: path.name for name, path in found.lr[4].items()} == {
        "a_x4": "z0_x1.png", "b_x4": "z1_x1.png", "c_x4": "z2_x1.png",
    }  # fmt: skip
    assert found.by_order == {4}
    (tmp_path / "DRealSR/Test_x4/test_LR/z9_x1.png").write_bytes(
        (tmp_path / "DRealSR/Test_x4/test_LR/z0_x1.png").read_bytes()
    )
    found = find_images(spec, tmp_path)
    assert found.lr == {4: {}}
    assert "there are 4 LR images" in found.lr_faults[4][0]


def test_lr_that_a_dataset_does_not_bring_is_not_made_up(catalog, tmp_path):
    spec = realsr(tmp_path)
    for path in tmp_path.rglob("*_LR2.png"):
        path.unlink()
    with pytest.raises(DataError, match=r"RealSR v3 \(test, x2\) has no x2 LR"):
        list(pairs_of(catalog, tmp_path, spec))


def test_images_without_hr_have_the_scores_that_need_none(catalog, tmp_path, bicubic):
    write_png(tmp_path / "Street" / "one.png", picture(1, 30, 26))
    spec = DatasetSpec(name="street", label="Street", truth=False, **FACTS)
    contrast = MetricSpec(
        name="contrast", label="c", needs_hr=False, load=lambda _: lambda sr, hr: sr.std(dim=(1, 2, 3)), shaved=False
    )
    pairs = pairs_of(catalog, tmp_path, spec)
    result = score(bicubic, pairs, [catalog.metrics["psnr_y"], contrast], tmp_path)
    assert result.scores["psnr_y"].value is None
    assert result.scores["psnr_y"].reason == "needs ground truth (hr), which this dataset does not have"
    assert result.scores["contrast"].value > 0
    assert result.images[0].sr_file
    assert result.images[0].hr_file is None
    assert read_image(tmp_path / "kept" / "one_sr.png").shape == (60, 52, 3)
    with pytest.raises(DataError, match="lr without hr, to which bicubic cannot be applied"):
        list(pairs_of(catalog, tmp_path, spec, "bicubic"))


def test_nothing_is_trained_on_lr_that_is_not_made(catalog, tmp_path):
    images = TrainingImages(tmp_path, [picture(0, 64, 64)])
    with pytest.raises(TrainingError, match="lr of real comes with test sets"):
        AlignedImages([images], [2], catalog.degradations["real"], luma=False)


def test_a_folder_without_hr_is_recorded_as_such(tmp_path):
    from srbench.datasets.adding import describe
    from srbench.datasets.recording import record

    write_png(tmp_path / "Street" / "one.png", picture(1, 30, 26))
    record(tmp_path / "sets.toml", describe("street", [tmp_path / "Street"], truth=False).spec)
    (spec,) = read_manifest(tmp_path / "sets.toml")
    assert not spec.truth


SHARED_SETS = {
    "stablesr_div2k_x4": ("StableSR_testsets/DIV2K_V2_val", "gt", "lq"),
    "stablesr_realsr_x4": ("StableSR-TestSets/RealSRVal_crop128", "test_HR", "test_LR"),
    "stablesr_drealsr_x4": ("DrealSRVal_crop128", "test_HR", "test_LR"),
}


@pytest.mark.parametrize("name", SHARED_SETS)
def test_the_test_sets_of_diffusion_papers_are_found_as_their_folders_are(name, tmp_path):
    folder, high, low = SHARED_SETS[name]
    for seed, image in enumerate(("0001", "0002")):
        write_pair(tmp_path / folder / high / f"{image}.png", tmp_path / folder / low / f"{image}.png", seed, scale=4)
    (spec,) = [s for s in read_manifest() if s.name == name]
    found = find_images(spec, tmp_path)
    assert (list(found.hr), {scale: list(lr) for scale, lr in found.lr.items()}) == (
        ["0001", "0002"], {4: ["0001", "0002"]},
    )  # fmt: skip


@pytest.mark.parametrize(("name", "folder"), [("reallq250", "RealLQ250/lq"), ("realphoto60", "RealPhoto60/LQ")])
def test_sets_without_hr_are_found_as_lr(name, folder, tmp_path):
    write_png(tmp_path / folder / "001.png", picture(1, 12, 12))
    (spec,) = [s for s in read_manifest() if s.name == name]
    assert (list(find_images(spec, tmp_path).hr), spec.truth) == (["001"], False)


@pytest.fixture
def middle():
    """The protocol of diffusion papers with a crop that fits small pictures."""
    return replace(PROTOCOLS["real-isr-512"], crop=16)


def test_the_middle_of_a_pair_is_the_same_in_lr_and_hr(catalog, tmp_path, middle):
    spec = realsr(tmp_path)
    whole = pairs_of(catalog, tmp_path, spec)
    for pair, part in zip(whole, replace(whole, protocol=middle), strict=True):
        assert part.lr.equal(pair.lr[..., 8:16, 6:14])
        assert part.hr.equal(pair.hr[..., 16:32, 12:28])


def test_an_image_that_is_smaller_than_the_crop_is_named(catalog, tmp_path, middle):
    pairs = replace(pairs_of(catalog, tmp_path, realsr(tmp_path)), protocol=replace(middle, crop=64))
    with pytest.raises(ShapeError, match=r"image Canon_001: An image of 24×20 has no middle of 32×32 pixels"):
        next(iter(pairs))


def test_the_crop_is_part_of_the_id_and_of_nothing_else():
    assert PROTOCOLS["real-isr"].describe(4) == "real-isr:sr=u8,y=bt601,shave=0"
    assert PROTOCOLS["real-isr-512"].describe(4) == "real-isr-512:sr=u8,y=bt601,shave=0,crop=512"


def test_images_made_elsewhere_may_be_whole_or_the_middle(middle, catalog):
    scorer = Scorer([catalog.metrics["psnr_rgb"]], middle, 2, torch.device("cpu"))
    hr, sr = torch.rand(2, 1, 3, 41, 48)
    whole, part = score_image(scorer, sr[..., :40, :], hr), score_image(scorer, sr[..., 12:28, 16:32], hr)
    assert (
        whole
        == part
        == Scorer([catalog.metrics["psnr_rgb"]], PROTOCOLS["real-isr"], 2, torch.device("cpu")).score(
            sr[..., 12:28, 16:32], hr[..., 12:28, 16:32]
        )
    )
