"""The sub-band loss weighs coefficients, of any size of image."""

import pytest
import torch
from srbench_plugins.losses import wavelet

from srbench.networks.wavelets import haar, inverse_haar
from srbench.testing import photograph, violations_of

(SPEC,) = wavelet.register_losses()


def test_it_keeps_the_contract_of_a_loss():
    assert violations_of(SPEC) == []


def test_it_is_the_weighted_mean_of_the_errors_of_the_bands():
    sr, hr = photograph(2, 3, 8, 12, seed=0), photograph(2, 3, 8, 12, seed=1)
    low, across, down, both = (band.abs().mean().item() for band in (haar(sr) - haar(hr)).chunk(4, dim=1))
    assert SPEC.build()(sr, hr).item() == pytest.approx((low + 2 * across + 2 * down + 2 * both) / 7, rel=1e-5)
    assert wavelet.SubbandL1((1, 0, 0, 3))(sr, hr).item() == pytest.approx((low + 3 * both) / 4, rel=1e-5)


def test_equal_weights_give_the_mean_of_all_coefficients():
    sr, hr = photograph(1, 3, 8, 8, seed=0), photograph(1, 3, 8, 8, seed=1)
    assert wavelet.SubbandL1((5, 5, 5, 5))(sr, hr).item() == pytest.approx(haar(sr - hr).abs().mean().item(), rel=1e-5)


@pytest.mark.parametrize("band", range(4))
def test_an_error_in_details_costs_twice_one_in_the_mean(band):
    bands = torch.zeros(1, 4, 3, 3)
    bands[:, band] = 0.1
    hr = photograph(1, 1, 6, 6)
    assert SPEC.build()(hr + inverse_haar(bands), hr).item() == pytest.approx(
        0.1 * (1 if band == 0 else 2) / 7, rel=1e-4
    )


@pytest.mark.parametrize(("height", "width"), [(7, 8), (8, 7), (5, 9), (1, 1)])
def test_odd_sides_are_compared_as_if_the_images_went_on_without_an_error(height, width):
    sr, hr = photograph(1, 3, height, width, seed=0), photograph(1, 3, height, width, seed=1)
    padding = (0, width % 2, 0, height % 2)
    whole = [torch.nn.functional.pad(image, padding) for image in (sr, hr)]
    assert SPEC.build()(sr, hr).item() == pytest.approx(SPEC.build()(*whole).item(), rel=1e-6)
