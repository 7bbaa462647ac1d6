"""Every patch has a scale of its own and the colours of some of its HR pixels, as a function of the step."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from srbench_plugins.degradations import bicubic

from helpers.patches import levels, numbered
from srbench.errors import TrainingError
from srbench.imaging.resize import imresize
from srbench.networks.wanted import Points
from srbench.scales import parse_scale
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.images import TrainingImages
from srbench.training.patches.points import PointPatches, scales_in

BICUBIC = next(spec for spec in bicubic.register_degradations() if spec.name == "bicubic")
PATCH, POINTS, BATCH = 6, 30, 16


def points_of(folder, *, between=(1.0, 4.0), luma=False, **options):
    images = AlignedImages([TrainingImages(folder, numbered())], scales_in(*between), BICUBIC, luma=luma)
    given = {"points": POINTS, "patch": PATCH, "batch": BATCH, "augment": True, "seed": 3}
    return PointPatches(images, scale_range=between, **(given | options))


@pytest.mark.parametrize(
    ("between", "scales"), [((1, 4), "2 3 4"), ((1.1, 3.5), "2 3 3.5"), ((1, 2), "2"), ((1.2, 1.7), "1.7")]
)
def test_progress_is_measured_at_whole_scales_and_the_largest(between, scales):
    assert scales_in(*between) == tuple(map(parse_scale, scales.split()))


def test_each_patch_has_the_colours_of_its_own_points(tmp_path):
    """The pixels of these images are (row, column, image), so a colour less its position in the patch is the corner."""
    source = points_of(tmp_path, augment=False)
    sides = set()
    for step in range(4):
        lr, colours, points = source.sample(step)
        assert isinstance(points, Points)
        assert lr.shape == (BATCH, 3, PATCH, PATCH)
        assert colours.shape == (BATCH, 3, POINTS, 1)
        corners = torch.from_numpy(levels(colours))[:, :, 0, :2] - points.pixels
        assert (corners == corners[:, :1]).all()
        assert (corners >= 0).all()
        assert (points.pixels < points.sizes[:, None]).all()
        for pixels in points.pixels.tolist():
            assert len(set(map(tuple, pixels))) == POINTS, "without replacement"
        assert (points.sizes[:, 0] == points.sizes[:, 1]).all()
        sides |= set(points.sizes[:, 0].tolist())
    assert min(sides) in (6, 7)
    assert max(sides) in (23, 24)
    assert len(sides) > 12, "the patches of a step have scales of their own"


def test_lr_is_the_hr_patch_reduced_to_the_side_of_a_patch(tmp_path):
    lr, colours, points = points_of(tmp_path, augment=False).sample(0)
    images = numbered()
    for patch, some, size, pixels in zip(lr, levels(colours), points.sizes, points.pixels, strict=True):
        side, number = int(size[0]), int(some[0, 0, 2])
        top, left = (int(some[0, 0, axis] - pixels[0, axis]) for axis in (0, 1))
        hr = torch.from_numpy(images[number][top : top + side, left : left + side]).permute(2, 0, 1)[None] / 255
        reduced = imresize(hr, size=(PATCH, PATCH)).clamp(0, 1).mul(255).round() / 255
        assert torch.allclose(patch, reduced[0], atol=1.01 / 255)


def test_all_pixels_of_a_patch_can_be_kept(tmp_path):
    _, _, points = points_of(tmp_path, between=(1.0, 1.05), points=PATCH**2).sample(0)
    whole = sorted(product(range(PATCH), repeat=2))
    assert all(sorted(map(tuple, pixels)) == whole for pixels in points.pixels.tolist())


def test_a_step_is_a_function_of_its_number_and_the_seed(tmp_path):
    def sampled(step, draw=0, **options):
        lr, colours, points = points_of(tmp_path, **options).sample(step, draw)
        return torch.cat([t.flatten().double() for t in (lr, colours, points.sizes, points.pixels)])

    source = points_of(tmp_path)
    for step in (7, 0, 3):
        source.sample(step)
    assert torch.equal(sampled(3), sampled(3))
    lr, *_ = source.sample(3)
    assert torch.equal(lr, points_of(tmp_path).sample(3)[0])
    for other in (sampled(4), sampled(3, draw=1), sampled(3, seed=4), sampled(3, phase=1)):
        assert not torch.equal(sampled(3), other)


def test_scales_are_uniform_in_the_range_and_none_is_whole(tmp_path):
    source = points_of(tmp_path)
    drawn = [source._drawn(float(position)) for position in torch.linspace(0, 0.99999, 3001, dtype=torch.float64)]
    values = torch.tensor([float(scale.height) for scale in drawn])
    assert torch.allclose(values, torch.linspace(1, 4, 3001), atol=2e-3)
    assert all(scale.height.denominator > 1 for scale in drawn)


def test_rows_that_are_held_out_are_never_trained_on(tmp_path):
    source = points_of(tmp_path, augment=False)
    held = {
        (int(p[0, 0, 2]), int(row)) for _, hr in source.held_out().values() for p in levels(hr) for row in p[:, 0, 0]
    }
    assert set(source.held_out()) == {2, 3, 4}
    trained = set()
    for step in range(40):
        _, colours, _ = source.sample(step)
        trained |= {(int(image), int(row)) for row, _, image in levels(colours).reshape(-1, 3)}
    assert held
    assert trained
    assert not held & trained


def test_networks_on_luma_get_luma(tmp_path):
    lr, colours, _ = points_of(tmp_path, luma=True).sample(0)
    assert lr.shape[1] == colours.shape[1] == 1


def test_a_non_blind_network_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="range of scales; take scale_range and points out"):
        points_of(tmp_path).conditions(0)
