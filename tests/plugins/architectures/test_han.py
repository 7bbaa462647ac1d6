"""HAN computes what its authors' code computes, with their keys, sizes and counts."""

import dataclasses
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import han, rcan
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
from srbench.testing import photograph, violations_of
from srbench.training.warm_start import start_from

(SPEC,) = han.register_architectures()
SHALLOW = dataclasses.replace(
    SPEC,
    build=partial(han.HAN, n_resgroups=3, n_resblocks=1, n_feats=16, reduction=4),
    taps=("body.0", "body.3"),
)


def attentive():
    """A network whose gates are open: fresh ones start at zero and would hide what they gate."""
    network = fresh(SHALLOW)
    with torch.no_grad():
        for key, parameter in network.module.named_parameters():
            if key.endswith("gamma"):
                parameter.fill_(0.1)
    return network


@pytest.mark.parametrize("scale", [2, 4])
def test_a_tiny_one_equals_the_official_network(scale, assert_official):
    network = han.HAN(scale, n_resblocks=1, n_feats=16, reduction=4)
    assert_official(network, f"han_tiny_x{scale}")


@pytest.mark.parametrize("scale", [2, 4])
def test_a_small_one_equals_the_official_network(scale, assert_official):
    assert_official(han.HAN(scale, n_resblocks=1), f"han_small_x{scale}")


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_the_papers_network_equals_the_official_one(scale, assert_official):
    assert_official(SPEC.network(scale), f"han_x{scale}")


@pytest.mark.parametrize(
    ("scale", "parameters", "published", "layer_attention"),
    [(2, 15_924_033, 3637.6, 3.6), (3, 16_108_673, 1633.9, 1.6), (4, 16_071_745, 944.6, 0.9)],
)
def test_its_size_and_multiply_accumulates_are_the_published_ones(scale, parameters, published, layer_attention):
    """The published figure is of the convolutions; the two products of the layer attention come on top."""
    with torch.device("meta"):
        assert count_parameters(SPEC.network(scale)) == parameters
    height, width = lr_size_720p(scale)
    products = 2 * 11 * 11 * 64 * height * width / 1e9
    assert products == pytest.approx(layer_attention, abs=0.05)
    assert gmacs(SPEC, scale) - products == pytest.approx(published, abs=0.06)


def test_the_least_similar_layer_weighs_most():
    attention = han.LayerAttention()
    torch.nn.init.ones_(attention.gamma)
    layers = torch.zeros(1, 3, 1, 1, 2)
    layers[0, :, 0, 0] = torch.tensor([[30.0, 0.0], [30.0, 1.0], [-30.0, 0.0]])
    added = attention(layers).view(3, 2) - layers.view(3, 2)
    assert_equal_but_for_rounding(added[0], layers.view(3, 2)[2])  # the opposite one, and it alone
    assert_equal_but_for_rounding(added[2], layers.view(3, 2)[:2].mean(0))  # both others are as far


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_correlations_beyond_half_precision_stay_finite(dtype):
    attention = han.LayerAttention()
    torch.nn.init.ones_(attention.gamma)
    layers = torch.randn(1, 11, 8, 16, 16) * 100  # energies of 2e7, where fp16 ends at 65504
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(attention(layers), attention(layers).float())
    assert attention.to(dtype)(layers.to(dtype)).isfinite().all()


def test_the_plane_by_plane_convolution_is_the_three_dimensional_one():
    attention = han.ChannelSpatialAttention()
    torch.nn.init.constant_(attention.gamma, 0.5)
    x = torch.randn(2, 5, 6, 7, requires_grad=True)
    gate = torch.sigmoid(F.conv3d(x.unsqueeze(1), attention.conv.weight, attention.conv.bias, padding=1)).squeeze(1)
    expected = x * 0.5 * gate + x
    assert_equal_but_for_rounding(attention(x), expected)
    wanted = torch.autograd.grad(expected.square().sum(), [x, attention.conv.weight, attention.conv.bias])
    given = torch.autograd.grad(attention(x).square().sum(), [x, attention.conv.weight, attention.conv.bias])
    for one, other in zip(given, wanted, strict=True):
        assert_equal_but_for_rounding(one, other)
    layout = x.detach().contiguous(memory_format=torch.channels_last)
    assert_equal_but_for_rounding(attention(layout), expected)


def test_it_starts_as_plain_convolutions_of_its_layers():
    """Both gammas are zero at first, so the attentions pass their inputs on."""
    network = han.HAN(2, n_resblocks=1, n_feats=16, reduction=4)
    assert not network.la.gamma.any()
    assert not network.csa.gamma.any()
    x = torch.randn(1, 16, 4, 5)
    assert torch.equal(network.csa(x), x)


@pytest.mark.parametrize(("scale", "new"), [(2, ()), (4, ("tail.0.2",))])
def test_it_takes_from_rcan_all_but_its_attention_among_layers_and_positions(scale, new):
    sizes = {"n_resgroups": 2, "n_resblocks": 1, "n_feats": 8, "reduction": 4}
    weights, network = rcan.RCAN(2, **sizes).state_dict(), han.HAN(scale, **sizes)
    started = start_from(network, weights, "HAN")
    tail = ("tail",) if scale == 2 else ("tail.0.0", "tail.1")
    assert started.taken == ("add_mean", "body", "head", "sub_mean", *tail)
    assert started.fresh == ("csa", "la", "last", "last_conv", *new)
    assert started.unused == ()
    assert torch.equal(network.body[1].body[0].body[0].weight, weights["body.1.body.0.body.0.weight"])


def test_it_keeps_the_contract_of_an_architecture():
    assert violations_of(SHALLOW) == []


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
