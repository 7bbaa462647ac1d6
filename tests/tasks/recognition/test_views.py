"""What a student sees of LR: the small image, or an enlarged one as A-SKD's release makes it."""

import numpy as np
import pytest
import torch

import helpers
from srbench.tasks.recognition.views import VIEWS


@pytest.mark.parametrize("side", [56, 28, 14])
def test_the_view_of_askd_is_the_releases(side):
    with np.load(helpers.ORACLES / "losses" / "askd_degrade.npz") as arrays:
        hr, official = torch.from_numpy(arrays["hr"]), torch.from_numpy(arrays[f"lr{side}"])
    step = 112 // side
    torch.testing.assert_close(VIEWS["askd"](hr[..., ::step, ::step], (112, 112)), official, rtol=0, atol=1e-6)


def test_the_small_view_is_the_image_itself():
    lr = torch.rand(2, 3, 5, 4)
    assert VIEWS["small"](lr, (20, 16)) is lr


@pytest.mark.parametrize("view", ["bicubic", "nearest", "askd"])
def test_the_others_have_the_size_of_hr_and_stay_images(view):
    seen = VIEWS[view](torch.rand(2, 3, 5, 4), (20, 16))
    assert seen.shape == (2, 3, 20, 16)
    assert 0 <= seen.min() <= seen.max() <= 1


def test_nearest_neighbours_repeat_every_pixel():
    lr = torch.rand(1, 3, 5, 4)
    assert torch.equal(VIEWS["nearest"](lr, (10, 8)), lr.repeat_interleave(2, 2).repeat_interleave(2, 3))
