"""Noise equals the official one under its draws, and has the moments that its distribution promises."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import helpers
from srbench.errors import ShapeError
from srbench.imaging import noise

ORACLES = helpers.ORACLES / "degradations"
TORCHVISION = (0.2989, 0.587, 0.114)


def flat(value=0.5, count=1, channels=3, side=200):
    return torch.full((count, channels, side, side), value, dtype=torch.float64)


@pytest.fixture(scope="module")
def official():
    return {name: torch.from_numpy(array) for name, array in np.load(ORACLES / "noise_basicsr.npz").items()}


def test_photon_noise_equals_the_official_one_under_its_counts(official, monkeypatch):
    grey = official["gray"].bool().tolist()
    counts = iter([official["counts_color"][0], official["counts_gray"][1]])
    rates = []
    monkeypatch.setattr(noise, "count_photons", lambda rate, _: rates.append(rate) or next(counts))
    peaks = noise.peaks_of_levels(official["x"], grey, luma=TORCHVISION)
    assert peaks.tolist() == [official["vals_color"][0].item(), official["vals_gray"][1].item()]
    difference = noise.poisson(official["x"], peaks, [0, 1], grey, luma=TORCHVISION)
    difference *= official["poisson_scale"].view(-1, 1, 1, 1)
    torch.testing.assert_close(difference, official["poisson_noise"], atol=1e-6, rtol=0)
    added = (official["x"] + difference).clamp(0, 1)
    torch.testing.assert_close(added, official["x_plus_poisson"], atol=1e-6, rtol=0)
    assert [tuple(rate.shape) for rate in rates] == [(3, 20, 24), (1, 20, 24)]


def test_gaussian_noise_equals_the_official_one_under_its_fields(official):
    fields = torch.stack([official["z_color"][0], official["z_gray"].expand(3, -1, -1)])
    result = noise.gaussian(torch.zeros_like(official["x"]), official["sigma"], fields)
    torch.testing.assert_close(result, official["gaussian_noise"], atol=1e-6, rtol=0)


def test_fields_are_standard_normal_and_grey_ones_are_one_plane():
    fields = noise.normal(flat(count=2), [1, 2], [False, True])
    assert stats.kstest(fields[0].flatten(), "norm").pvalue > 1e-3
    assert stats.kstest(fields[1, 0].flatten(), "norm").pvalue > 1e-3
    assert torch.equal(fields[1, 0], fields[1, 1])
    assert torch.equal(fields[1, 0], fields[1, 2])
    assert abs(torch.corrcoef(fields[0].flatten(1))[0, 1].item()) < 0.02


def test_a_level_is_a_standard_deviation_in_8_bit_levels():
    fields = noise.normal(flat(0.25, 2), [3, 4])
    added = noise.gaussian(flat(0.25, 2), [10.0, 25.0], fields) - 0.25
    assert added.std(dim=(1, 2, 3)).mul(255).tolist() == pytest.approx([10, 25], rel=0.02)
    grains = noise.speckle(flat(0.25, 2), [10.0, 25.0], fields) - 0.25
    assert grains.std(dim=(1, 2, 3)).mul(255).tolist() == pytest.approx([2.5, 6.25], rel=0.02)


def test_correlated_fields_have_the_covariance_that_was_asked_for():
    asked = torch.tensor([[[1.0, 0.6, 0.2], [0.6, 0.5, 0.1], [0.2, 0.1, 0.8]]])
    got = noise.correlated(noise.normal(flat(), [5]), asked)[0].flatten(1).cov()
    assert torch.allclose(got, asked[0].double(), atol=0.03)


def test_a_matrix_that_is_not_a_covariance_is_used_as_in_numpy():
    """BSRGAN takes the absolute value of every element, which may not be a covariance any more."""
    asked = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.9], [0.1, 0.9, 1.0]])
    assert np.linalg.eigvalsh(asked)[0] < 0
    drawn = np.random.default_rng(0).multivariate_normal(np.zeros(3), asked, 60_000, check_valid="ignore", method="svd")
    got = noise.correlated(noise.normal(flat(), [6]), torch.from_numpy(asked)[None])[0].flatten(1).cov()
    assert np.allclose(got, np.cov(drawn.T), atol=0.03)


@pytest.mark.parametrize("peak", [16.0, 256.0, 3000.0])
def test_photon_noise_keeps_the_mean_and_has_the_variance_of_counting(peak):
    level = 102 / 255
    difference = noise.poisson(flat(level), peak, [7])
    assert difference.mean().item() == pytest.approx(0, abs=4 * (level / peak) ** 0.5 / 346)
    assert difference.var().item() == pytest.approx(level / peak, rel=0.03)
    counted = (difference + level) * peak
    assert torch.allclose(counted, counted.round(), atol=1e-8)
    expected = stats.poisson(level * peak)
    assert (counted <= expected.median()).double().mean().item() == pytest.approx(
        expected.cdf(expected.median()), abs=0.01
    )


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 256), st.integers(0, 5))
def test_the_peak_is_the_power_of_two_at_or_above_the_number_of_levels(levels, seed):
    pixels = torch.arange(20 * 20 * 3) % levels
    order = torch.randperm(1200, generator=torch.Generator().manual_seed(seed))
    image = pixels[order].view(1, 3, 20, 20) / 255
    assert noise.peaks_of_levels(image).item() == 2 ** int(np.ceil(np.log2(levels)))


def test_every_image_has_the_noise_of_its_seed_in_any_batch():
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    seeds, grey = [11, 12, 11], [False, True, False]
    fields, counted = noise.normal(images, seeds, grey), noise.poisson(images, [50.0, 60.0, 70.0], seeds, grey)
    assert torch.equal(fields[0], fields[2])
    for number in range(3):
        one = slice(number, number + 1)
        assert torch.equal(fields[one], noise.normal(images[one], seeds[one], grey[one]))
        assert torch.equal(counted[one], noise.poisson(images[one], 50.0 + 10 * number, seeds[one], grey[one]))


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ShapeError, match="2 images were given 1 seeds"):
        noise.normal(flat(count=2, side=4), [1])
    with pytest.raises(ShapeError, match="4 channels"):
        noise.poisson(flat(channels=4, side=4), 10.0, [1], [True])
