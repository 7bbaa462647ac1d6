"""GhostSR equals the official network, and its modules shift as the paper says."""

import pytest
import torch
from srbench_plugins.architectures import ghostsr
from torch import nn

from helpers.networks import gmacs
from helpers.rounding import assert_equal_but_for_rounding
from srbench.catalog.catalog import load_catalog
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph


@pytest.fixture(scope="module")
def shelf():
    return load_catalog(strict=True).architectures


@pytest.mark.parametrize("scale", [2, 4])
def test_a_tiny_one_equals_the_official_network(scale, assert_official):
    assert_official(ghostsr.GhostEDSR(scale, n_resblocks=2, n_feats=8), f"ghostsr_edsr_tiny_x{scale}")


@pytest.mark.parametrize("scale", [2, 4])
def test_the_small_one_equals_the_official_network(scale, shelf, assert_official):
    network = shelf["ghostsr_edsr_b16f64"].network(scale)
    assert_official(network, f"ghostsr_edsr_b16f64_x{scale}")


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_the_large_one_equals_the_official_network(scale, shelf, assert_official):
    network = shelf["ghostsr_edsr"].network(scale)
    assert_official(network, f"ghostsr_edsr_x{scale}")


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [
        ("ghostsr_edsr", 2, 21_847_619, 5036.1),
        ("ghostsr_edsr", 3, 24_798_019, 2539.8),
        ("ghostsr_edsr", 4, 24_207_939, 1807.4),
        ("ghostsr_edsr_b16f64", 2, 779_299, 180.4),
        ("ghostsr_edsr_b16f64", 3, 963_939, 99.8),
        ("ghostsr_edsr_b16f64", 4, 927_011, 80.3),
    ],
)
def test_its_parameters_and_operations_are_the_published_ones(name, scale, parameters, macs, shelf):
    with torch.device("meta"):
        assert count_parameters(shelf[name].network(scale)) == parameters
    assert round(gmacs(shelf[name], scale), 1) == macs


@pytest.mark.parametrize("direction", range(9))
def test_every_way_to_shift_gives_what_a_one_hot_kernel_gives(direction):
    shift = ghostsr.Shift().eval()
    with torch.no_grad():
        shift.weight.zero_().view(-1)[direction] = -1.0
    x = photograph(2, 3, 5, 7)
    kernel = torch.zeros(3, 1, 9)
    kernel[..., direction] = 1
    wanted = nn.functional.conv2d(x, kernel.view(3, 1, 3, 3), padding=1, groups=3)
    assert torch.equal(shift(x), wanted)
    assert torch.equal(shift._convolved(x, shift._one_hot(shift.weight)), wanted)


def test_a_training_shift_moves_by_whole_pixels_and_its_weight_feels_the_loss():
    shift, x = ghostsr.Shift().train(), photograph(1, 2, 6, 6).requires_grad_()
    torch.manual_seed(0)
    moved = shift(x)
    with torch.no_grad():
        ways = [ghostsr._moved(x, row, column) for row in range(3) for column in range(3)]
    assert sum(torch.equal(moved, way) for way in ways) == 1
    moved.sum().backward()
    by_hand = [way.sum() for way in ways]  # the gradient of each tap of a kernel
    assert_equal_but_for_rounding(shift.weight.grad.flatten(), torch.stack(by_hand))


def test_without_noise_training_and_measuring_shift_the_same_way():
    shift, x = ghostsr.Shift(), photograph(1, 2, 6, 6)
    shift.noise.zero_()
    assert torch.equal(shift.train()(x), shift.eval()(x))


@pytest.mark.parametrize(("ratio", "computed"), [(0.5, 6), (0.3, 4), (0.75, 9), (1.0, 12), (0.05, 1)])
def test_ghosts_are_repeated_in_turn_at_any_ratio(ratio, computed):
    module = ghostsr.GhostModule(nn.Conv2d(5, 12, 3, padding=1), ratio).eval()
    with torch.no_grad():
        out = module(photograph(1, 3, 6, 5).repeat(1, 2, 1, 1)[:, :5])
        shifted = module.cheap_conv(out[:, :computed])
    assert module.primary_conv.out_channels == computed
    assert out.shape == (1, 12, 6, 5)
    for ghost in range(12 - computed):
        assert torch.equal(out[:, computed + ghost], shifted[:, ghost % computed])
