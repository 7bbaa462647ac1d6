"""A²N computes what its authors' code computes, with their keys, sizes, counts and weights."""

import pytest
import torch
from srbench_plugins.architectures import a2n

from helpers.architectures import assert_scores_distinct, assert_size, assert_weights_load
from helpers.networks import fill, gmacs
from helpers.rounding import assert_equal_but_for_rounding

SPECS = {spec.name: spec for spec in a2n.register_architectures()}
CHECKPOINTS = [(name, checkpoint) for name, spec in SPECS.items() for checkpoint in spec.checkpoints]


@pytest.mark.parametrize(("name", "scale"), [("a2n", 2), ("a2n", 4), ("a2n_m", 2), ("a2n_m", 4)])
def test_it_equals_the_official_network(name, scale, assert_official):
    assert_official(SPECS[name].network(scale), f"{name}_x{scale}")


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [
        ("a2n", 2, 1_036_443, 247.47),
        ("a2n", 3, 1_036_443, 117.51),
        ("a2n", 4, 1_047_459, 72.40),
        ("a2n_m", 2, 831_643, 200.28),
        ("a2n_m", 3, 831_643, 96.57),
        ("a2n_m", 4, 842_659, 60.60),
    ],
)
def test_its_parameters_and_operations_are_the_published_ones(name, scale, parameters, macs):
    assert_size(SPECS[name], scale, parameters)
    assert round(gmacs(SPECS[name], scale), 2) == macs


@pytest.mark.parametrize(
    ("name", "checkpoint"), CHECKPOINTS, ids=[f"{name}-{c.tag}-x{c.scale}" for name, c in CHECKPOINTS]
)
def test_the_official_weights_load_as_they_are(name, checkpoint, shared):
    assert_weights_load(SPECS[name], checkpoint, shared)


def test_its_branches_share_one_by_one_image_by_image():
    block = a2n.AttentionInAttention(8, 3).eval()
    fill(block, set())
    both = torch.rand(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert_equal_but_for_rounding(block(both), torch.cat([block(both[:1]), block(both[1:])]))
        for parameter in block.attention.parameters():
            parameter.zero_()
        block.ADM[2].weight.zero_()  # a half each
        features = torch.nn.functional.leaky_relu(block.conv_first(both), 0.2)
        half = torch.nn.functional.leaky_relu(0.5 * block.non_attention(features), 0.2)
        assert_equal_but_for_rounding(block(both), both + block.conv_last(half))


@pytest.mark.parametrize("name", SPECS)
def test_its_reported_scores_are_distinct(name):
    assert_scores_distinct(SPECS[name])
