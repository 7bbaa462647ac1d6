"""USRNet's kernels are of shaken cameras and Gaussians off their middle, as often and in the order of its release."""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from srbench_plugins.degradations import usrnet

from srbench.degrading import Realisation, Size, freeze, realise

(SPEC,) = usrnet.register_degradations()
SIZE = Size(64, 64, 4)


def noise_of(realisation):
    return realisation.drawn["steps"][3]["drawn"]["steps"]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lr_is_shifted_up_and_left_unless_the_kernel_was_moved_for_the_scale(scale):
    """On a ramp the value of a pixel shows its position; only pixels at the ends are affected by the other side."""
    side = 96
    ramp = torch.arange(float(side), dtype=torch.float64).expand(1, 3, side, side) / side
    blur, _, keep, _ = usrnet.CHAIN.steps
    size = Size(side, side, scale)
    drawn = {"first_px2": 3.0, "second_px2": 1.0, "theta": 0.5, "quarter_turns": 0, "mirrored": False}
    first = torch.arange(side // scale) * scale
    inner = slice(14 // scale + 1, -(14 // scale + 2))
    for moved_for, middle in ((1, first), (scale, first + (scale - 1) / 2)):
        blurred = blur.steps[1].apply(ramp, [drawn | {"moved_for": moved_for}], size)
        taken = keep.apply(blurred, [{}], size)[0, 0, 0] * side
        assert torch.allclose(taken[inner], middle.double()[inner], atol=1e-6)


def test_usrnet_blurs_8_bits_as_scipy_does_and_keeps_upper_left_pixels():
    hr = torch.randint(0, 256, (1, 3, 60, 66), generator=torch.Generator().manual_seed(1))
    clean = [one for one in (freeze(SPEC, Size(60, 66, 3), seed) for seed in range(60)) if not noise_of(one)]
    assert len(clean) > 1
    for realisation in clean:
        (entry,) = realisation.drawn["steps"][0]["drawn"]["steps"]
        kernel = usrnet.CHAIN.steps[0].steps[entry["at"]].kernel(entry["drawn"]).numpy()
        blurred = [ndimage.convolve(plane, kernel, mode="wrap") for plane in hr[0].numpy().astype(np.uint8)]
        lr = realise(SPEC, hr.double() / 255, realisation)[0].numpy() * 255
        assert np.abs(lr - np.stack(blurred)[:, ::3, ::3]).max() < 1e-6


def test_usrnet_draws_kernels_and_noise_as_often_as_published():
    count = 900
    frozen = [freeze(SPEC, SIZE, seed) for seed in range(count)]
    shaken = Counter(one.drawn["steps"][0]["drawn"]["steps"][0]["step"] for one in frozen)
    assert stats.binomtest(shaken["TrajectoryBlur"], count, 0.5).pvalue > 1e-3
    noisy = [noise_of(one)[0]["drawn"] for one in frozen if noise_of(one)]
    assert stats.binomtest(count - len(noisy), count, 1 / 9).pvalue > 1e-3
    levels = Counter(one["level"] for one in noisy)
    assert sorted(levels) == list(range(26))
    assert stats.chisquare(list(levels.values())).pvalue > 1e-3
    assert not any(one["grey"] for one in noisy)


def test_a_frozen_lr_is_made_again_bit_by_bit_from_its_json():
    hr = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    for seed in range(6):
        realisation = freeze(SPEC, SIZE, seed)
        again = Realisation.model_validate_json(realisation.model_dump_json())
        assert torch.equal(realise(SPEC, hr, again), realise(SPEC, hr, realisation))


def test_usrnet_describes_the_covariance_of_its_kernel_and_its_noise():
    for seed in range(8):
        realisation = freeze(SPEC, SIZE, seed)
        described = SPEC.describe(realisation.drawn)
        (entry,) = realisation.drawn["steps"][0]["drawn"]["steps"]
        kernel = usrnet.CHAIN.steps[0].steps[entry["at"]].kernel(entry["drawn"]).numpy()
        points = np.stack(np.meshgrid(np.arange(25), np.arange(25))).reshape(2, -1)
        covariance = np.cov(points, aweights=kernel.ravel(), bias=True)
        wanted = [covariance[0, 0], covariance[0, 1], covariance[1, 1]]
        assert [described[name] for name in ("blur_xx", "blur_xy", "blur_yy")] == pytest.approx(wanted, abs=1e-9)
        assert described["noise"] == (noise_of(realisation)[0]["drawn"]["level"] if noise_of(realisation) else 0)
