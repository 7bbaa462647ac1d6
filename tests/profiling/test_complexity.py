"""Counts against published figures, and against the arithmetic written out."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.architectures.edsr import EDSR
from torch import nn

from srbench.errors import UnavailableError
from srbench.networks.deployed import deployed_module
from srbench.profiling.complexity import (
    count_deployed_parameters,
    count_macs,
    count_parameters,
    lr_size_720p,
)


def call(network, lr):
    return network(lr)


class Function(nn.Module):
    """Wraps a function, to see what one operator counts."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, lr):
        return self.function(lr)


def count(function, size=(8, 16), channels=3):
    return count_macs(lambda: Function(function), call, size, channels)


@pytest.mark.parametrize(
    ("scale", "parameters", "gmacs"), [(2, 1_369_859, 316.25), (3, 1_554_499, 160.06), (4, 1_517_571, 114.23)]
)
def test_edsr_baseline_has_its_published_parameters_and_macs(scale, parameters, gmacs):
    def build():
        return EDSR(scale, n_resblocks=16, n_feats=64)

    assert count_parameters(build()) == parameters
    macs = count_macs(build, call, lr_size_720p(scale))
    assert round(macs.total / 1e9, 2) == gmacs
    assert macs.uncounted == ()


def test_lr_sizes_for_720p_are_rounded_down():
    assert [lr_size_720p(scale) for scale in (2, 3, 4)] == [(360, 640), (240, 426), (180, 320)]


@settings(max_examples=25, deadline=None)
@given(
    groups=st.integers(1, 3),
    inputs=st.integers(1, 3),
    outputs=st.integers(1, 3),
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.integers(1, 2),
    transposed=st.booleans(),
)
def test_a_convolution_costs_one_mac_per_weight_and_position(groups, inputs, outputs, kernel, stride, transposed):
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    layer = kind(groups * inputs, groups * outputs, kernel, stride=stride, groups=groups)
    lr = torch.zeros(1, groups * inputs, 12, 10)
    out = layer(lr)
    positions = math.prod(lr.shape[2:]) if transposed else math.prod(out.shape[2:])
    macs = count_macs(lambda: layer, call, (12, 10), groups * inputs)
    assert macs.total == layer.weight.numel() * positions
    assert macs.activations == out.numel()
    assert macs.uncounted == ()


def test_a_frozen_colour_shift_is_not_counted_but_other_frozen_convolutions_are():
    shift, blur, trained = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)
    shift.requires_grad_(requires_grad=False)
    blur.requires_grad_(requires_grad=False)
    network = nn.Sequential(shift, blur, trained)
    macs = count_macs(lambda: network, call, (8, 8))
    assert macs.total == (27 * 3 + 9) * 64
    assert macs.activations == 2 * 3 * 64
    assert count_parameters(network) == 12


def test_a_weight_that_is_computed_on_the_way_is_counted():
    weight = nn.Parameter(torch.ones(3, 3, 1, 1))
    network = Function(lambda lr: F.conv2d(lr, weight.to(lr.device) * 2))
    assert count_macs(lambda: network, call, (8, 8)).total == 9 * 64


def test_attention_counts_both_products():
    def attend(lr):
        tokens = lr.flatten(2).transpose(1, 2).unsqueeze(1)  # one head of 128 tokens with 3 channels
        return F.scaled_dot_product_attention(tokens, tokens, tokens)

    macs = count(attend)
    assert macs.total == 2 * 128 * 128 * 3
    assert macs.uncounted == ()


@pytest.mark.parametrize(
    ("transform", "flops"),
    [
        (lambda x: torch.fft.fft2(torch.complex(x, x)), 5 * 3 * 128 * 7),
        (torch.fft.rfft2, 5 * 3 * 128 * 7 // 2),
        (lambda x: torch.fft.irfft2(torch.fft.rfft2(x)), 5 * 3 * 128 * 7),
        (torch.fft.rfft, 5 * 3 * 128 * 4 // 2),
    ],
)
def test_fourier_transforms_cost_five_n_log_n_and_half_of_it_for_real_signals(transform, flops):
    macs = count(transform)
    assert macs.total == flops // 2
    assert macs.uncounted == ()


def test_matrix_products_are_counted_however_they_are_spelt():
    def products(lr):
        wide = lr.flatten(2)  # (1, 3, 128)
        one = torch.einsum("bcn,bdn->bcd", wide, wide)
        two = wide[0] @ torch.ones(128, device=lr.device)
        return F.linear(one, torch.ones(5, 3, device=lr.device)), two

    assert count(products).total == 3 * 3 * 128 + 3 * 128 + 3 * 3 * 5


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.pixel_shuffle(torch.cat([x] * 4, 1), 2),
        lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
        lambda x: F.layer_norm(F.gelu(x), x.shape[1:]).softmax(1),
        lambda x: F.max_pool2d(F.pad(x, (1, 1, 1, 1), "reflect"), 2).mean((2, 3)),
        lambda x: F.unfold(torch.roll(x, 1, 2), 3).std(),
        lambda x: F.leaky_relu_(x.mul_(2).clamp_(0, 1).sub_(x.amax()), 0.1),
    ],
)
def test_a_few_operations_a_value_are_neither_counted_nor_reported(function):
    macs = count(function)
    assert (macs.total, macs.uncounted) == (0, ())


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: F.grid_sample(x, x[:, :2].permute(0, 2, 3, 1), align_corners=False), "grid_sampler_2d"),
        (lambda x: x.sort().values, "sort"),
        (lambda x: x.cumsum(1), "cumsum"),
        (lambda x: torch.linalg.inv(x[..., :8]), "linalg_inv_ex"),
    ],
)
def test_work_without_a_formula_is_reported_by_name(function, name):
    assert name in count(function).uncounted


def test_a_custom_operator_is_reported_by_name():
    library = torch.library.Library("srbench_tests", "FRAGMENT")
    library.define("opaque(Tensor x) -> Tensor")
    library.impl("opaque", lambda x: x.clone(), "Meta")
    assert count(torch.ops.srbench_tests.opaque).uncounted == ("srbench_tests.opaque",)


def test_a_network_that_makes_cpu_tensors_on_the_way_is_counted_on_fake_tensors():
    network = nn.Conv2d(3, 3, 1)
    macs = count_macs(lambda: Function(lambda lr: network(lr + torch.ones(1, 3, 1, 1))), call, (8, 8))
    assert macs.total == 9 * 64


def test_a_network_that_reads_pixel_values_is_refused_with_the_reason():
    def reads(lr):
        return lr * float(lr.numpy().mean())

    with pytest.raises(UnavailableError, match=r"MACs cannot be counted .* on meta tensors .* on fake tensors"):
        count(reads)


def test_a_multi_scale_network_is_counted_through_the_run_function():
    class TwoScales(nn.Module):
        def __init__(self):
            super().__init__()
            self.tails = nn.ModuleDict({"2": nn.Conv2d(3, 12, 3, padding=1), "4": nn.Conv2d(3, 48, 3, padding=1)})

        def forward(self, lr, scale):
            return F.pixel_shuffle(self.tails[str(scale)](lr), scale)

    at = [count_macs(TwoScales, lambda network, lr, s=s: network(lr, s), (8, 8)).total for s in (2, 4)]
    assert at == [27 * 12 * 64, 27 * 48 * 64]


class Foldable(nn.Module):
    """Three parallel convolutions that fold into one, detaching what remains as RepVGG does."""

    def __init__(self):
        super().__init__()
        self.wide, self.point = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.tail = nn.Conv2d(4, 4, 1, bias=False)

    def forward(self, x):
        return self.tail(self.wide(x) + (self.point(x) if hasattr(self, "point") else 0))

    def switch_to_deploy(self):
        for parameter in self.parameters():
            parameter.detach_()
        del self.point


def test_deployed_parameters_are_those_after_folding():
    network = nn.Sequential(Foldable(), Foldable())
    network.requires_grad_()
    assert count_parameters(network) == 2 * (148 + 20 + 16)
    assert count_deployed_parameters(network) == 2 * (148 + 16)
    assert hasattr(network[0], "point"), "the network itself must stay as it is"
    assert not hasattr(deployed_module(network)[0], "point")


def test_a_network_without_folding_is_deployed_as_it_was_trained():
    network = nn.Conv2d(3, 4, 3)
    assert count_deployed_parameters(network) == count_parameters(network) == 112
