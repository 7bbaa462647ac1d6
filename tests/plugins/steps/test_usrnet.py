"""Shaken cameras and Gaussians off their middle are those of USRNet's release."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from scipy.spatial.transform import Rotation
from scipy.stats import multivariate_normal
from srbench_plugins.steps.usrnet import OffCentreBlur, TrajectoryBlur, path, visits

from srbench.degrading import Random, Size
from srbench.errors import ShapeError

SIZE = Size(64, 64, 4)


def draws(step, count, size=SIZE):
    return [step.draw(Random(n), size) for n in range(count)]


def off_middle(kernel):
    """The centroid: x and y from the kernel's middle."""
    places = np.arange(len(kernel)) - len(kernel) // 2
    return np.array([(kernel.sum(axis) * places).sum() for axis in (0, 1)])


@pytest.mark.parametrize(("seed", "moments"), [(0, 250), (1, 250), (2, 40)])
def test_a_path_follows_its_law_of_motion_moment_by_moment(seed, moments):
    random = Random(seed)
    radius, angle = np.array([random.unit() for _ in range(6 * moments)]).reshape(2, moments, 3)
    radius, angle = np.sqrt(-2 * np.log(1 - radius)), 2 * np.pi * angle
    pushes, twists = radius * np.cos(angle), radius * np.sin(angle)
    rate = 2 * np.pi / moments
    velocity, angles, place = pushes[0], np.zeros(3), np.zeros(3)
    places = [place]
    for t in range(1, moments):
        velocity = velocity + pushes[t] / (t + 1)
        angles = angles + rate * (twists[t] / (t + 1) + angles)
        place = place + Rotation.from_euler("xyz", angles).apply(velocity)
        places.append(place)
    theirs = np.array(places)[:, :2].T
    assert np.abs(path(seed, moments, 2 * np.pi) - theirs).max() < 1e-9 * np.abs(theirs).max()


@pytest.mark.parametrize("grid", [5, 13, 27])
def test_visits_are_numpys_histogram_over_the_whole_path(grid):
    places = path(4, 250, 2 * np.pi)
    theirs, *_ = np.histogram2d(places[1], places[0], bins=grid)
    assert np.array_equal(visits(places, grid), theirs)


def by_formula(drawn, side=25):
    counts = visits(path(drawn["seed"], 250, 2 * np.pi), drawn["grid_px"])
    line = np.exp([-0.5, 0.0, -0.5])
    kernel = ndimage.convolve(counts / 250, np.outer(line, line) / line.sum() ** 2, mode="constant")
    if drawn["grid_px"] > side:
        kernel = kernel[1:-1, 1:-1]
    kernel = np.pad(kernel, (side - len(kernel)) // 2)
    y, x = ((np.arange(side) - side // 2) / factor + side // 2 for factor in drawn["zoom"])
    enlarged = ndimage.map_coordinates(kernel, np.meshgrid(y, x, indexing="ij"), order=1)
    kernel = enlarged if enlarged.sum() >= 0.1 else kernel
    return kernel / kernel.sum()


def test_a_kernel_is_the_smoothed_histogram_in_the_middle_enlarged_as_scipy_does():
    drawn = draws(TrajectoryBlur(), 60)
    assert {27, 5} < {one["grid_px"] for one in drawn}
    for one in drawn:
        assert np.abs(TrajectoryBlur().kernel(one).numpy() - by_formula(one)).max() < 1e-14


def test_an_enlargement_that_would_show_nothing_is_left_out():
    step = TrajectoryBlur()
    zoomed = [one for one in draws(step, 300) if one["zoom"] != [1.0, 1.0]]
    left_out = [torch.equal(step.kernel(one), step.kernel(one | {"zoom": [1.0, 1.0]})) for one in zoomed]
    assert 0 < sum(left_out) < len(zoomed) / 5


def test_every_kernel_weighs_one_and_is_nowhere_negative():
    for step in (TrajectoryBlur(), TrajectoryBlur(side_px=15, most_px=17), OffCentreBlur()):
        kernels = torch.stack([step.kernel(one) for one in draws(step, 80)])
        assert kernels.shape[1:] == (step.side_px, step.side_px)
        assert kernels.min() >= 0
        assert (kernels.sum(dim=(1, 2)) - 1).abs().max() < 1e-12


def test_the_outermost_squares_alone_of_a_grid_may_be_cut():
    with pytest.raises(ShapeError, match=r"grids of 5.0 to 27 px and kernels of 15 px; choose"):
        TrajectoryBlur(side_px=15)
    with pytest.raises(ShapeError, match="choose grids of at least 1 px, and an odd side_px"):
        TrajectoryBlur(side_px=26)


def test_cameras_shake_to_no_side_more_than_to_the_other():
    step = TrajectoryBlur()
    shifts = np.array([off_middle(step.kernel(one).numpy()) for one in draws(step, 250)])
    assert stats.ttest_1samp(shifts[:, 0], 0).pvalue > 1e-3
    assert stats.ttest_1samp(shifts[:, 1], 0).pvalue > 1e-3
    assert shifts.std() > 1  # though each of them to some side


def test_grids_and_enlargements_are_as_likely_as_published():
    drawn = draws(TrajectoryBlur(), 3000)
    exact = np.minimum(5 - np.log(np.random.default_rng(0).random(10**6)) / 0.15, 27)
    odd = np.rint(exact).astype(int)
    sides, wanted = np.unique(odd + 1 - odd % 2, return_counts=True)
    assert sides.tolist() == list(range(5, 28, 2))
    found = Counter(one["grid_px"] for one in drawn)
    assert stats.chisquare([found[side] for side in sides], wanted / 10**6 * 3000).pvalue > 1e-3
    zoomed = [one["zoom"] for one in drawn if one["zoom"] != [1.0, 1.0]]
    assert stats.binomtest(len(zoomed), 3000, 0.25).pvalue > 1e-3
    assert stats.kstest(np.ravel(zoomed), stats.uniform(1, 4).cdf).pvalue > 1e-3


@pytest.mark.parametrize("step", [TrajectoryBlur(), OffCentreBlur()])
def test_images_are_convolved_as_scipy_does_round_the_edges(step):
    image = torch.rand(1, 3, 30, 40, dtype=torch.float64)
    for drawn in draws(step, 4):
        kernel = step.kernel(drawn).numpy()
        theirs = [ndimage.convolve(plane, kernel, mode="wrap") for plane in image[0].numpy()]
        assert np.abs(step.apply(image, [drawn], SIZE)[0].numpy() - theirs).max() < 1e-12


def test_a_gaussian_off_its_middle_is_scipys_density_turned_and_mirrored_by_numpy():
    for drawn in draws(OffCentreBlur(), 20):
        theta, moved = drawn["theta"], (drawn["moved_for"] - 1) / 2
        turn = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
        shape = turn @ np.diag([drawn["first_px2"], drawn["second_px2"]]) @ turn.T
        points = np.stack(np.meshgrid(np.arange(25) - 12 + moved, np.arange(25) - 12 + moved), axis=-1)
        density = multivariate_normal([0, 0], shape).pdf(points)
        theirs = np.rot90(density / density.sum(), drawn["quarter_turns"])
        theirs = theirs[::-1] if drawn["mirrored"] else theirs
        assert np.abs(OffCentreBlur().kernel(drawn).numpy() - theirs).max() < 1e-14


def test_gaussians_off_their_middle_are_drawn_from_the_published_ranges():
    drawn = draws(OffCentreBlur(), 600)
    for name, low, high in (("first_px2", 0.6, 12), ("second_px2", 0.6, 12), ("theta", 0, np.pi)):
        assert stats.kstest([one[name] for one in drawn], stats.uniform(low, high - low).cdf).pvalue > 1e-3
    for names, kinds in ((("moved_for",), 4), (("quarter_turns", "mirrored"), 8)):
        found = Counter(tuple(one[name] for name in names) for one in drawn)
        assert len(found) == kinds
        assert stats.chisquare(list(found.values())).pvalue > 1e-3


@pytest.mark.parametrize("step", [TrajectoryBlur(), OffCentreBlur()])
def test_a_batch_is_its_images_one_by_one_in_both_precisions(step):
    images, drawn = torch.rand(4, 3, 40, 36, dtype=torch.float64), draws(step, 4)
    singly = torch.cat([step.apply(images[n : n + 1], drawn[n : n + 1], SIZE) for n in range(4)])
    together = step.apply(images, drawn, SIZE)
    assert (together - singly).abs().max() < 1e-13
    assert (step.apply(images.float(), drawn, SIZE) - together).abs().max() < 2e-6


def test_a_kernel_is_made_again_bit_by_bit_from_its_json():
    drawn = TrajectoryBlur().draw(Random(0), SIZE)
    assert torch.equal(TrajectoryBlur().kernel(json.loads(json.dumps(drawn))), TrajectoryBlur().kernel(drawn))
