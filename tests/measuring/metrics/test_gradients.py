"""GMSD against the authors' MATLAB values, and its map against three implementations."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from helpers.published import rows_of
from srbench.errors import ShapeError
from srbench.imaging.files import read_image
from srbench.imaging.pixels import to_tensor
from srbench.measuring.metrics.gradients import gmsd, gradient_similarity


def test_five_pairs_have_the_official_values_to_the_last_digit(shared):
    folder = shared("oracles/perceptual")
    official = next(row for row in rows_of(folder / "results_official.csv") if row["Method"] == "gmsd")
    for path in sorted((folder / "ref_dir").iterdir()):
        hr, sr = (to_tensor(read_image(folder / side / path.name))[None].double() for side in ("ref_dir", "dist_dir"))
        assert gmsd(sr, hr).item() == pytest.approx(float(official[path.name]), rel=1e-11)


@pytest.fixture
def pair(shared):
    """A pair of luma in levels of 255, and the values that others have for it."""
    arrays = dict(np.load(shared("oracles/survey/gmsd_fsim_pair.npz")))
    weights = np.array([0.299, 0.587, 0.114])
    return *(torch.from_numpy(arrays[k] @ weights)[None, None] for k in ("dist", "ref")), arrays


def test_the_map_is_that_of_piq(pair):
    sr, hr, arrays = pair
    found = gradient_similarity(sr, hr).std(correction=0)
    assert found.item() == pytest.approx(float(arrays["piq_gmsd"]), abs=1e-8)


def test_the_map_of_blocks_that_begin_a_pixel_earlier_is_that_of_a_numpy_one(pair):
    sr, hr, arrays = pair
    found = gradient_similarity(*(functional.pad(image, (1, 0, 1, 0)) for image in (sr, hr)))
    assert found.std().item() == pytest.approx(float(arrays["gmsd_own_luma"]), rel=1e-12)
    assert found.mean().item() == pytest.approx(float(arrays["gmsm_own_luma"]), rel=1e-12)


def test_equal_images_have_no_deviation():
    image = torch.rand(2, 3, 12, 10).double()
    assert gmsd(image, image).tolist() == [0, 0]


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 3, 3, 8)])
def test_what_is_no_rgb_image_of_some_size_is_refused(shape):
    with pytest.raises(ShapeError, match="at least 4 pixels"):
        gmsd(torch.rand(shape), torch.rand(shape))
