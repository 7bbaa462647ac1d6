"""SAN computes what its authors' code computes, with their keys, sizes and counts, and without their memory."""

import dataclasses
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import san
from torch.nn import functional as F

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
from srbench.profiling.complexity import count_parameters, lr_size_720p
from srbench.profiling.memory import Work, peak_memory
from srbench.testing import photograph, violations_of

(SPEC,) = san.register_architectures()
SHALLOW = dataclasses.replace(
    SPEC,
    build=partial(san.SAN, n_resgroups=2, n_resblocks=1, n_feats=16, reduction=4),
    taps=("RG.0", "RG.1"),
)


def attentive():
    """A network whose gates are open: fresh ones start at zero and would hide what they gate."""
    network = fresh(SHALLOW)
    with torch.no_grad():
        for key, parameter in network.module.named_parameters():
            if key.endswith("gamma"):
                parameter.fill_(0.1)
            if ".W." in key:
                parameter.normal_(std=0.1)
    return network


@pytest.mark.parametrize("scale", [2, 4])
def test_a_tiny_one_equals_the_official_network(scale, assert_official):
    network = san.SAN(scale, n_resgroups=2, n_resblocks=2, n_feats=16, reduction=4)
    assert_official(network, f"san_tiny_x{scale}")


@pytest.mark.parametrize("scale", [2, 4])
def test_a_small_one_equals_the_official_network_on_odd_sides(scale, assert_official):
    network = san.SAN(scale, n_resgroups=2, n_resblocks=2)
    assert_official(network, f"san_small_x{scale}")


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_the_papers_network_equals_the_official_one(scale, assert_official):
    assert_official(SPEC.network(scale), f"san_x{scale}")


@pytest.mark.parametrize(
    ("scale", "parameters", "published"),
    [(2, 15_712_776, 3604.2), (3, 15_897_416, 1619.1), (4, 15_860_488, 936.2)],
)
def test_its_size_and_multiply_accumulates_are_the_published_ones(scale, parameters, published):
    """The published figure is of the convolutions; the products of attention and statistics come on top."""
    with torch.device("meta"):
        assert count_parameters(SPEC.network(scale)) == parameters
    height, width = lr_size_720p(scale)
    tops, lefts = (height // 2, height - height // 2), (width // 2, width - width // 2)
    attention = sum(2 * 2 * 8 * h * w * (h // 2) * (w // 2) for h in tops for w in lefts)  # twice; to and from weights
    statistics = 20 * (64**2 * height * width + 14 * 64**3)  # covariance, and Newton and Schulz's 14 products
    assert gmacs(SPEC, scale) - (attention + statistics) / 1e9 == pytest.approx(published, abs=0.06)


def test_its_statistics_are_those_of_the_papers_centring_matrix():
    x = torch.randn(2, 6, 5, 7, dtype=torch.float64) + 3
    positions = 35
    centring = (torch.eye(positions, dtype=torch.float64) - 1 / positions) / positions
    flat = x.flatten(2)
    assert_equal_but_for_rounding(san.covariance(x), flat @ centring @ flat.mT)


def test_the_iteration_approaches_the_square_root():
    covariance = san.covariance(torch.randn(2, 4, 20, 20, dtype=torch.float64))
    far, near = ((root @ root - covariance).abs().max() for root in (san.square_root(covariance, n) for n in (5, 20)))
    assert near < 1e-10
    assert near < far < 0.05


def test_constant_features_have_finite_gates_and_gradients():
    """Their covariance has no trace to divide by; the release makes NaN of them."""
    attention = san.SecondOrderChannelAttention(8, 4)
    x = torch.full((1, 8, 6, 6), 2.0, requires_grad=True)
    out = attention(x)
    out.sum().backward()
    assert out.isfinite().all()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("sides", [(4, 1203), (1001, 4), (1003, 1005)])
def test_statistics_of_large_images_are_those_of_their_centre(sides):
    x = torch.randn(1, 2, *sides)
    (top, left), (height, width) = ((s - min(s, 1000)) // 2 for s in sides), (min(s, 1000) for s in sides)
    assert torch.equal(san._centre(x), x[:, :, top : top + height, left : left + width])


@pytest.mark.parametrize("sides", [(4, 1000), (1000, 4), (1000, 1000), (5, 7)])
def test_a_side_of_exactly_1000_is_kept_whole(sides):
    x = torch.randn(1, 2, *sides)
    assert torch.equal(san._centre(x), x)


def test_attention_pools_its_keys_and_values_and_divides_by_no_root():
    block = san.NonLocal(16, 4)
    torch.nn.init.normal_(block.W.weight)
    x = torch.randn(2, 16, 7, 5)
    query = block.theta(x).flatten(2)
    key, value = (F.max_pool2d(part[0](x), 2).flatten(2) for part in (block.phi, block.g))
    assert key.shape[2] == 3 * 2
    found = value @ torch.softmax(query.mT @ key, dim=2).mT
    assert_equal_but_for_rounding(block(x), x + block.W(found.view(2, 4, 7, 5)))


def test_attention_stays_within_each_quarter():
    block = san.RegionalNonLocal(16)
    torch.nn.init.normal_(block.non_local.W.weight)
    x = torch.randn(1, 16, 7, 9)
    changed = x.clone()
    changed[..., :3, :4] += 1  # 7 // 2 rows and 9 // 2 columns: the upper left quarter
    same = block(changed) == block(x)
    assert same[..., 3:, :].all()
    assert same[..., :, 4:].all()
    assert not same[..., :3, :4].any()


def test_it_starts_without_attention_and_without_its_source():
    network = san.SAN(2, n_resgroups=1, n_resblocks=1, n_feats=16, reduction=4)
    x = torch.randn(1, 16, 6, 6)
    assert torch.equal(network.non_local(x), x)
    assert not network.gamma.any()


@pytest.mark.parametrize("sides", [(4, 4), (4, 9), (5, 6)])
def test_the_least_sides_of_its_spec_are_enough(sides):
    assert SPEC.min_size == 4
    network = san.SAN(2, n_resgroups=1, n_resblocks=1, n_feats=16, reduction=4)
    assert network(torch.rand(1, 3, *sides) * 255).isfinite().all()


def shallow_pass(height, width):
    """One group instead of twenty: memory does not grow with depth."""
    network, lr = san.SAN(2, n_resgroups=1, n_resblocks=1).eval(), torch.rand(1, 3, height, width) * 255
    return network, lambda: torch.inference_mode()(network)(lr)


@pytest.mark.slow
def test_it_enlarges_640x360_in_under_two_gigabytes():
    """A stored attention of one quarter alone would take 3.3 GB, and the release's centring matrix 212 GB."""
    (memory,) = peak_memory([Work(f"{__name__}:shallow_pass", {"height": 360, "width": 640})])
    assert 300 < memory.total_mib < 1200


def test_it_keeps_the_contract_of_an_architecture():
    assert violations_of(SHALLOW) == []


@pytest.mark.slow
def test_one_export_serves_every_size_from_8_and_every_batch():
    assert_one_export_serves(attentive().module, ((1, 8, 9), (3, 21, 10), (1, 9, 1003)), gain=255.0)


@pytest.mark.slow
def test_compiled_whole_it_gives_the_same():
    assert_compiles_whole(attentive().module, photograph(1, 3, 12, 10) * 255)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_converted_to_half_precision_it_stays_close(dtype):
    """Autocast is the contract's; here the weights themselves are halves."""
    assert_close_in(dtype, attentive(), photograph(2, 3, 12, 10))


def test_it_is_within_rounding_of_double_precision():
    assert_within_rounding_of_double(attentive(), photograph(2, 3, 12, 10))


def test_its_loss_falls():
    assert_its_loss_falls(fresh(SHALLOW))


def test_its_published_scores_are_distinct():
    assert_scores_distinct(SHALLOW, 24)
