"""Noise has the level, the covariance and the dependence on the image that it says."""

import numpy as np
import pytest
import torch
from scipy import stats
from srbench_plugins.steps.blur import GaussianBlur
from srbench_plugins.steps.noise import ColourNoise, GaussianNoise, PoissonNoise, SpeckleNoise

from helpers.degrading import flat, once
from srbench.degrading import Chain, DescribingStep, Random, Size, describe_chain


def test_gaussian_noise_has_the_level_it_says_in_every_channel():
    noise = once(GaussianNoise(30.0), flat()) - 0.5
    assert noise.std() * 255 == pytest.approx(30, rel=0.01)
    assert abs(noise.mean() * 255) < 0.3
    assert stats.kstest((noise[0, 0, ::4, ::4] * 255 / 30).flatten().numpy(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(noise[0].flatten(1).numpy()) - np.eye(3)).max() < 0.02
    grey = once(GaussianNoise(30.0, grey_probability=1.0), flat()) - 0.5
    assert torch.equal(grey[:, 0], grey[:, 2])


def test_speckle_grows_with_the_image_and_poisson_noise_with_its_root():
    for step, power in ((SpeckleNoise(20.0), 1.0), (PoissonNoise(3.0, grey_probability=0.0), 0.5)):
        dark, bright = (once(step, flat(value=value)).std() for value in (0.2, 0.8))
        assert float(bright / dark) == pytest.approx(4**power, rel=0.03)
    photons = once(PoissonNoise(3.0, grey_probability=0.0), flat(value=51 / 255))
    assert photons.var() == pytest.approx(0.2 / 1000, rel=0.03)


def test_colour_noise_has_the_covariance_that_was_drawn():
    step, size = ColourNoise(25.0), Size(200, 200, 1)
    drawn = step.draw(Random(4), size)
    noise = step.apply(flat(), [drawn], size) - 0.5
    wanted = np.array(drawn["covariance"])
    assert (np.linalg.eigvalsh(wanted) > 0).all()
    assert np.abs(np.cov(noise[0].flatten(1).numpy()) * (255 / 25) ** 2 - wanted).max() < 0.02


def test_covariances_add_up_and_noise_in_squares_through_chains_within():
    chain = Chain([GaussianBlur(sigma_px=1.5), Chain([GaussianNoise(level=3.0), GaussianBlur(sigma_px=2.0)]),
                   GaussianNoise(level=4.0)])  # fmt: skip
    drawn = chain.draw(Random(0), Size(64, 64, 2))
    assert describe_chain(chain)(drawn) == {"blur_xx": 6.25, "blur_xy": 0.0, "blur_yy": 6.25, "noise": 5.0}


def test_noise_in_proportion_to_the_image_has_no_level_to_describe():
    assert isinstance(GaussianNoise(), DescribingStep)
    assert not isinstance(SpeckleNoise(), DescribingStep)
