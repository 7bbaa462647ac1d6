"""RCAN computes what its authors' code computes, with their keys, sizes and counts."""

import dataclasses
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import rcan

from helpers.architectures import (
    assert_close_in,
    assert_compiles_whole,
    assert_its_loss_falls,
    assert_one_export_serves,
    assert_scores_distinct,
    assert_within_rounding_of_double,
    fresh,
)
from helpers.networks import gmacs
from helpers.rounding import assert_equal_but_for_rounding
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph, violations_of

SPEC = next(spec for spec in rcan.register_architectures() if spec.name == "rcan")
SHALLOW = dataclasses.replace(
    SPEC,
    build=partial(rcan.RCAN, n_resgroups=2, n_resblocks=1, n_feats=16, reduction=4),
    taps=("body.0", "body.2"),
)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_tiny_one_equals_the_official_network(scale, assert_official):
    network = rcan.RCAN(scale, n_resgroups=2, n_resblocks=2, n_feats=16, reduction=4)
    assert_official(network, f"rcan_tiny_x{scale}")


@pytest.mark.parametrize("scale", [2, 4])
def test_a_small_one_equals_the_official_network(scale, assert_official):
    network = rcan.RCAN(scale, n_resgroups=2, n_resblocks=2)
    assert_official(network, f"rcan_small_x{scale}")


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_the_papers_network_equals_the_official_one(scale, assert_official):
    assert_official(SPEC.network(scale), f"rcan_x{scale}")


@pytest.mark.parametrize(
    ("scale", "parameters", "published"),
    [(2, 15_444_643, 3526.8), (3, 15_629_283, 1584.7), (4, 15_592_355, 916.9)],
)
def test_its_size_and_multiply_accumulates_are_the_published_ones(scale, parameters, published):
    with torch.device("meta"):
        assert count_parameters(SPEC.network(scale)) == parameters
    assert gmacs(SPEC, scale) == pytest.approx(published, abs=0.05)


def test_at_x8_it_has_three_upsampling_stages():
    network = rcan.RCAN(8, n_resgroups=1, n_resblocks=1, n_feats=16, reduction=4)
    assert {"tail.0.0.weight", "tail.0.2.weight", "tail.0.4.weight"} <= network.state_dict().keys()
    assert network(torch.rand(1, 3, 3, 5)).shape == (1, 3, 24, 40)


def test_a_checkpoint_whose_mean_shift_was_trained_by_accident_is_followed():
    """The release leaves it trainable, so that a checkpoint's colours may mix there."""
    network = rcan.RCAN(2, n_resgroups=1, n_resblocks=1, n_feats=16, reduction=4).eval()
    lr = torch.rand(1, 3, 6, 5) * 255
    state = network.state_dict()
    state["sub_mean.weight"] = torch.eye(3).flip(0).view(3, 3, 1, 1)  # swaps red and blue
    swapped = rcan.RCAN(2, n_resgroups=1, n_resblocks=1, n_feats=16, reduction=4).eval()
    swapped.load_state_dict(state)
    shift = network.sub_mean.bias.view(1, 3, 1, 1)
    with torch.no_grad():
        assert_equal_but_for_rounding(swapped(lr), network((lr.flip(1) + shift) - shift))


def test_it_keeps_the_contract_of_an_architecture():
    assert violations_of(SHALLOW) == []


def test_one_export_serves_every_size_from_8_and_every_batch():
    assert_one_export_serves(fresh(SHALLOW).module, ((1, 8, 9), (3, 21, 10), (1, 9, 1003)), gain=255.0)


@pytest.mark.slow
def test_compiled_whole_it_gives_the_same():
    assert_compiles_whole(fresh(SHALLOW).module, photograph(1, 3, 12, 10) * 255)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_converted_to_half_precision_it_stays_close(dtype):
    """Autocast is the contract's; here the weights themselves are halves."""
    assert_close_in(dtype, fresh(SHALLOW), photograph(2, 3, 12, 10))


def test_it_is_within_rounding_of_double_precision():
    assert_within_rounding_of_double(fresh(SHALLOW), photograph(2, 3, 12, 10))


def test_its_loss_falls():
    assert_its_loss_falls(fresh(SHALLOW))


def test_its_published_scores_are_distinct():
    assert_scores_distinct(SHALLOW, 24)
