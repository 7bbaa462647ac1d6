"""Calibration patches come from training sets, are the same every time, and fit the network."""

import numpy as np
import pytest
from PIL import Image

from srbench.datasets.library import Library
from srbench.datasets.spec import DatasetSpec
from srbench.deploying.calibration import calibration_patches
from srbench.deploying.settings import Quantisation
from srbench.errors import DataError, UsageError
from srbench.imaging.colour import rgb_to_y

pytestmark = pytest.mark.usefixtures("empty_cache")

FEW = Quantisation(patches=5, patch=8)


@pytest.fixture
def training_set(tmp_path):
    folder = tmp_path / "farm"
    folder.mkdir()
    for number, (name, side) in enumerate({"ant": 40, "bee": 24, "elf": 10}.items()):
        coarse = np.random.default_rng(number).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((side + 3, side), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return DatasetSpec(
        name="farm", label="farm", split="train", images=3, license="CC0-1.0", citation="", folders=("farm",)
    )


def cut(training_set, root, catalog, **changes):
    given = {"scale": 2, "settings": FEW, "degradation": catalog.degradations["bicubic"]} | changes
    library = Library(root, {training_set.name: training_set})
    return calibration_patches(library, [training_set], given.pop("degradation"), **given)[0]


def test_patches_are_lr_on_8_bits_of_every_image_that_is_large_enough(training_set, tmp_path, catalog):
    patches = cut(training_set, tmp_path, catalog)
    assert [(patch.shape, patch.dtype) for patch in patches] == [((3, 8, 8), np.float32)] * 5
    levels = np.stack(patches) * 255
    np.testing.assert_allclose(levels, levels.round(), atol=1e-4)
    assert len({patch.tobytes() for patch in patches}) == 5
    means = np.sort([patch.mean() for patch in patches[:2]])
    assert means[1] - means[0] > 0.01, "the first two are of two images"


def test_the_same_arguments_give_the_same_patches_and_another_seed_others(training_set, tmp_path, catalog):
    for degradation in (catalog.degradations["bicubic"], catalog.degradations["down_noise"]):
        first, again, other = (
            cut(training_set, tmp_path, catalog, degradation=degradation, seed=seed) for seed in (0, 0, 1)
        )
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


def test_networks_on_luma_get_one_channel(training_set, tmp_path, catalog):
    import torch

    colours = torch.from_numpy(np.stack(cut(training_set, tmp_path, catalog)))
    luma = np.stack(cut(training_set, tmp_path, catalog, colours=1))
    np.testing.assert_allclose(luma, rgb_to_y(colours).numpy())


def test_test_images_are_refused(training_set, tmp_path, catalog):
    with pytest.raises(UsageError, match="set5 is a test set; networks are calibrated on training sets"):
        calibration_patches(
            Library(tmp_path, catalog.datasets), [catalog.datasets["set5"]], catalog.degradations["bicubic"], 2, FEW
        )


def test_images_that_are_too_small_are_refused(training_set, tmp_path, catalog):
    with pytest.raises(DataError, match="No training image for calibration has 96x96 pixels"):
        cut(training_set, tmp_path, catalog, settings=Quantisation(patches=2, patch=48))


def test_a_degradation_without_the_scale_is_refused(training_set, tmp_path, catalog):
    with pytest.raises(UsageError, match="makes no lr at x3"):
        cut(training_set, tmp_path, catalog, degradation=catalog.degradations["anisotropic_div2krk"], scale=3)
