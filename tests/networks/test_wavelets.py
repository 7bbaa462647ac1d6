"""The Haar transform is MWCNN's, keeps everything, and says what it cannot split."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import ORACLES
from helpers.rounding import assert_equal_but_for_rounding
from srbench.errors import ShapeError
from srbench.networks.wavelets import BANDS, Haar, InverseHaar, haar, inverse_haar
from srbench.testing import photograph

SIDES = st.integers(1, 9).map(lambda half: 2 * half)


def test_it_is_the_official_transform_and_its_inverse():
    arrays = np.load(ORACLES / "networks" / "haar_dwt.npz")
    images, bands = (torch.from_numpy(arrays[name]) for name in ("x", "dwt"))
    assert_equal_but_for_rounding(haar(images), bands)
    assert_equal_but_for_rounding(inverse_haar(bands), torch.from_numpy(arrays["iwt_of_dwt"]))
    random = torch.from_numpy(np.random.default_rng(6).standard_normal((1, 8, 4, 3))).float()
    assert_equal_but_for_rounding(inverse_haar(random), torch.from_numpy(arrays["iwt_of_random"]))


@given(SIDES, SIDES, st.integers(1, 4))
def test_the_inverse_gives_every_image_back_and_the_sum_of_squares_stays(height, width, channels):
    images = torch.rand(2, channels, height, width, dtype=torch.float64)
    bands = haar(images)
    assert bands.shape == (2, 4 * channels, height // 2, width // 2)
    torch.testing.assert_close(inverse_haar(bands), images, rtol=0, atol=1e-14)
    torch.testing.assert_close(haar(inverse_haar(bands)), bands, rtol=0, atol=1e-14)
    assert bands.square().sum().item() == pytest.approx(images.square().sum().item())


@pytest.mark.parametrize(
    ("band", "pattern"),
    [("LL", [[1, 1], [1, 1]]), ("HL", [[-1, 1], [-1, 1]]), ("LH", [[-1, -1], [1, 1]]), ("HH", [[1, -1], [-1, 1]])],
)
def test_each_band_answers_to_its_own_pattern(band, pattern):
    """One channel has the pattern and the other is black, so that bands are seen to be sorted before channels."""
    images = torch.zeros(1, 2, 2, 2)
    images[0, 1] = torch.tensor(pattern)
    answers = haar(images).flatten().tolist()
    assert answers == [2.0 if index == 2 * BANDS.index(band) + 1 else 0.0 for index in range(8)]


def test_the_layers_are_the_functions_and_have_no_weights():
    images = photograph(1, 3, 8, 12)
    layers = torch.nn.Sequential(Haar(), Haar(), InverseHaar())
    assert torch.equal(layers(images), inverse_haar(haar(haar(images))))
    assert not layers.state_dict()


def test_the_order_of_pixels_in_memory_does_not_matter():
    images = photograph(2, 3, 8, 12)
    by_pixels = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(haar(by_pixels), haar(images))
    assert torch.equal(inverse_haar(haar(by_pixels)), inverse_haar(haar(images)))


def test_gradients_change_no_bit_of_the_inverse():
    bands = haar(photograph(2, 3, 8, 12))
    with torch.no_grad():
        alone = inverse_haar(bands)
    assert torch.equal(inverse_haar(bands.requires_grad_()), alone)
    assert torch.autograd.gradcheck(inverse_haar, bands.detach()[:1, ..., :2].double().requires_grad_())


@pytest.mark.parametrize(("height", "width"), [(7, 8), (8, 7), (1, 1)])
def test_odd_sides_are_refused_in_a_sentence(height, width):
    with pytest.raises(ShapeError, match=rf"halves both sides, and {height}x{width} has an odd one; pad the images"):
        haar(photograph(1, 1, height, width))


def test_channels_that_are_not_four_bands_are_refused_in_a_sentence():
    with pytest.raises(ShapeError, match="6 channels are not a multiple of 4; give as many as haar returns"):
        inverse_haar(torch.zeros(1, 6, 2, 2))
