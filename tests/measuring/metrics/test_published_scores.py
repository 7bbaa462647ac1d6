"""The whole measuring chain against numbers that others published."""

import numpy as np
import pytest
import torch

from srbench.imaging import imresize, mod_crop, read_image, rgb_to_y, shave, to_uint8
from srbench.measuring.metrics.psnr_ssim import psnr, ssim


def image(path):
    """``(1, 3, H, W)`` float64 in [0, 1]."""
    return torch.from_numpy(read_image(path)).permute(2, 0, 1)[None].double() / 255


def scores(sr, hr, border):
    sr, hr = (shave(x * 255, border) for x in (sr, hr))
    return psnr(sr, hr, data_range=255).item(), ssim(sr, hr, data_range=255).item()


@pytest.mark.parametrize(
    ("scale", "expected"),
    [(2, (38.274168, 0.961445)), (3, (34.742155, 0.929886)), (4, (32.633562, 0.900241))],
)
def test_rcans_images_of_set5_score_what_its_authors_measured_in_matlab(shared, scale, expected):
    names = sorted(path.stem for path in shared("data/Set5/HR").glob("*.png"))
    assert len(names) == 5
    values = []
    for name in names:
        hr = mod_crop(image(shared(f"data/Set5/HR/{name}.png")), scale)
        sr = image(shared(f"data/rcan_sr/x{scale}/{name}_RCAN_x{scale}.png"))
        values.append(scores(rgb_to_y(sr), rgb_to_y(hr), scale))
    assert np.mean(values, axis=0) == pytest.approx(expected, abs=1e-6)


def test_bicubic_of_baboon_in_double_precision_scores_what_matlab_gives(shared):
    # double precision within each resize, one rounding at its end: lr and sr were files
    hr = image(shared("oracles/scores/baboon.png"))
    lr = to_uint8(imresize(hr, scale=0.25)).double() / 255
    sr = to_uint8(imresize(lr, scale=4)).double() / 255
    assert scores(sr, hr, 4) == pytest.approx((20.419710, 0.391853), abs=1e-6)
    # their luma was computed in single precision
    assert scores(rgb_to_y(sr), rgb_to_y(hr), 4) == pytest.approx((22.441898, 0.453097), abs=2e-6)
