"""Enlarging by a sum of shifted images: it is imresize, for sides of any length."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.rounding import assert_equal_but_for_rounding
from srbench.imaging import imresize
from srbench.imaging.programs import enlarge, enlarging_weights, in_a_program

FACTORS, SIDES, KERNELS = st.integers(1, 8), st.integers(1, 9), st.sampled_from(["bicubic", "bilinear"])


@given(FACTORS, SIDES, SIDES, st.sampled_from([-2, -1]), KERNELS)
def test_it_is_imresize_in_one_dimension(factor, height, width, dim, kernel):
    image = torch.rand(2, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(factor))
    found = enlarge(image, torch.from_numpy(enlarging_weights(factor, kernel)), dim)
    wanted = imresize(image, scale=(factor, 1) if dim == -2 else (1, factor), kernel=kernel)
    assert_equal_but_for_rounding(found, wanted)


@given(FACTORS, KERNELS)
def test_the_weights_of_every_pixel_sum_to_one_and_are_mirrored(factor, kernel):
    weights = enlarging_weights(factor, kernel)
    assert np.allclose(weights.sum(0), 1)
    assert np.allclose(weights, weights[::-1, ::-1])


def test_plain_calls_are_in_no_program():
    assert not in_a_program()
