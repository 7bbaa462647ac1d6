"""Unsharp masking equals the official one."""

import numpy as np
import torch

import helpers
from srbench.imaging.sharpening import sharpen

ORACLES = helpers.ORACLES / "degradations"


def test_sharpening_equals_the_official_one():
    arrays = {name: torch.from_numpy(array) for name, array in np.load(ORACLES / "usm.npz").items()}
    torch.testing.assert_close(sharpen(arrays["x"]), arrays["y_torch"], atol=2e-5, rtol=0)
    exact = sharpen(arrays["x"].double()).float()
    torch.testing.assert_close(exact, arrays["y_torch"], atol=2e-5, rtol=0)


def test_a_flat_image_stays_flat():
    flat = torch.full((2, 3, 9, 30), 0.4)
    torch.testing.assert_close(sharpen(flat), flat)
