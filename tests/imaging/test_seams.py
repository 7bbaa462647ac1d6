"""Seams of tiles are seen where they are, and nowhere else."""

import pytest
import torch

from srbench.errors import UnavailableError, UsageError
from srbench.imaging.seams import seam_visibility
from srbench.testing.contract import photograph


def with_seams(image, step, height):
    """Every second tile is brighter."""
    made = image.clone()
    for top in range(0, image.shape[-2], step):
        for left in range(0, image.shape[-1], step):
            made[..., top : top + step, left : left + step] += height * ((top + left) // step % 2)
    return made


def test_a_slope_and_a_flat_image_have_none():
    rows = torch.linspace(0, 1, 48).double()
    slope = (rows[:, None] + rows[None]).expand(2, 3, 48, 48) / 2
    assert seam_visibility(with_seams(slope, 16, 0.01), 16).gt(100).all()
    assert seam_visibility(torch.zeros(1, 1, 40, 40), 16).tolist() == [1]


def test_it_grows_with_the_seams_and_is_about_one_without():
    image = torch.nn.functional.avg_pool2d(torch.rand(2, 3, 124, 124), 5, 1).double()
    found = torch.stack([seam_visibility(with_seams(image, 24, height), 24) for height in (0, 0.05, 0.2)])
    assert found[0].tolist() == pytest.approx([1, 1], abs=0.3)
    assert (found[1:] > found[:-1]).all()


def test_seams_elsewhere_are_not_seen():
    image = torch.full((1, 1, 64, 64), 0.5).double() + 0.01 * torch.rand(1, 1, 64, 64).double()
    assert seam_visibility(with_seams(image, 16, 0.2), 16).item() > 10
    assert seam_visibility(with_seams(image, 16, 0.2)[..., 2:, 2:], 16).item() < 2


def test_steps_of_enlarged_pixels_are_no_seams():
    image = torch.rand(1, 3, 40, 40).double().repeat_interleave(4, -1).repeat_interleave(4, -2)
    assert seam_visibility(image, 40).item() > 1.5
    assert seam_visibility(image, 40, period=4).item() == pytest.approx(1, abs=0.15)


def test_an_image_alone_scores_as_in_a_batch():
    image = photograph(3, 3, 48, 40).double()
    whole = seam_visibility(image, 16, 2)
    assert torch.equal(torch.cat([seam_visibility(image[i : i + 1], 16, 2) for i in range(3)]), whole)


def test_what_has_no_seams_is_refused():
    with pytest.raises(UnavailableError, match="no seams 64 pixels apart"):
        seam_visibility(torch.zeros(1, 1, 48, 48), 64)
    with pytest.raises(UsageError, match="give more than 6"):
        seam_visibility(torch.zeros(1, 1, 48, 48), 6)
