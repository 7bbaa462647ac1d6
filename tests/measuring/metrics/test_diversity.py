"""Diversity of samples, by hand."""

import pytest
import torch

from srbench.errors import UnavailableError
from srbench.measuring.metrics.diversity import pairwise, pixel_deviation


def test_the_deviation_is_the_mean_over_pixels_in_levels():
    samples = torch.tensor([[[[0.0, 0.5]]], [[[0.2, 0.5]]], [[[0.4, 0.5]]]])
    assert pixel_deviation(samples).item() == pytest.approx(255 * 0.2 / 2)


def test_equal_samples_have_none():
    assert pixel_deviation(torch.rand(1, 3, 4, 4).expand(3, -1, -1, -1)).item() == pytest.approx(0, abs=1e-5)


def test_every_pair_is_compared_once():
    def distance(first, second):
        return (first - second).abs().mean(dim=(1, 2, 3))

    samples = torch.tensor([0.0, 0.1, 0.4]).view(3, 1, 1, 1).expand(-1, 3, 2, 2)
    assert pairwise(samples, distance).item() == pytest.approx((0.1 + 0.4 + 0.3) / 3)


@pytest.mark.parametrize("measure", [pixel_deviation, lambda samples: pairwise(samples, torch.sub)])
def test_one_sample_has_no_diversity(measure):
    with pytest.raises(UnavailableError, match="at least two"):
        measure(torch.rand(1, 3, 4, 4))
