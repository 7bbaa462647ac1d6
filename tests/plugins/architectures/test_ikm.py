"""IKM: every image weighs the kernels for itself, and any convolutional network can be modulated so."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.architectures import ikm
from torch import nn

from helpers.networks import HERE
from helpers.rounding import assert_equal_but_for_rounding
from srbench.catalog.catalog import load_catalog
from srbench.errors import SrbenchError
from srbench.testing import photograph, violations_of

KERNEL = (3, 3)


def test_the_factors_are_the_official_ones():
    oracle = np.load(HERE / "ikm_attention.npz")
    x = torch.from_numpy(oracle["x"])
    assert_equal_but_for_rounding(ikm.ikm_attention(x, KERNEL), torch.from_numpy(oracle["ikm_k3"]), 20)
    assert_equal_but_for_rounding(ikm.relative_activity(x, KERNEL), torch.from_numpy(oracle["como_k3"]), 20)


SIDES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, st.sampled_from([0.0, 0.5, -1.0]))
def test_the_factors_are_the_softmax_of_the_shares_that_each_region_has(size, kernel, threshold):
    height, width = size
    x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    expected = torch.empty(2, 3, *kernel)
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            rows = slice(row * height // kernel[0], -(-(row + 1) * height // kernel[0]))
            columns = slice(column * width // kernel[1], -(-(column + 1) * width // kernel[1]))
            expected[..., row, column] = (x[..., rows, columns] >= threshold).float().mean((2, 3))
    expected = expected.exp() / expected.exp().mean((2, 3), keepdim=True)
    assert_equal_but_for_rounding(ikm.relative_activity(x, kernel, threshold), expected)
    if not threshold:
        assert_equal_but_for_rounding(ikm.ikm_attention(x, kernel), 1 + 1 / (1 + (1 - expected).exp()))


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES)
def test_a_converter_gets_the_same_shares(size, kernel):
    active = torch.randint(2, (2, 3, *size), generator=torch.Generator().manual_seed(0)).float()
    pooled = torch.nn.functional.adaptive_avg_pool2d(active, kernel)
    assert_equal_but_for_rounding(ikm._shares(active, kernel), pooled)


def test_a_program_for_any_size_modulates_as_the_network_does():
    network = ikm.ModulatedConv2d(3, 8, 3, padding=1).eval()
    size = torch.export.Dim.DYNAMIC
    program = torch.export.export(network, (torch.rand(1, 3, 13, 20),), dynamic_shapes=({2: size, 3: size},))
    x = torch.randn(1, 3, 31, 17)
    with torch.no_grad():
        assert_equal_but_for_rounding(program.module()(x), network(x), 20)


def test_a_channel_that_is_active_everywhere_has_one_factor():
    x = torch.rand(1, 2, 7, 8)
    assert_equal_but_for_rounding(ikm.ikm_attention(x, KERNEL), torch.full((1, 2, 3, 3), 1.5))
    assert_equal_but_for_rounding(ikm.relative_activity(x, KERNEL), torch.ones(1, 2, 3, 3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_activity_is_counted_exactly_in_half_precision_too(dtype):
    x = (torch.randn(1, 2, 40, 41, generator=torch.Generator().manual_seed(0)) * 1e-4).to(dtype)
    assert torch.equal(ikm.relative_activity(x, KERNEL), ikm.relative_activity(x.float(), KERNEL))


FORMS = [
    ((3, 3), {"padding": 1}),
    ((5, 5), {"padding": 2, "bias": False}),
    ((3, 3), {"padding": "same"}),
    ((3, 5), {"padding": (1, 2), "padding_mode": "reflect"}),
    ((3, 3), {"padding": 1, "padding_mode": "replicate"}),
]


@pytest.mark.parametrize(("kernel", "form"), FORMS)
def test_every_image_is_convolved_by_kernels_of_its_own(kernel, form):
    plain = nn.Conv2d(4, 5, kernel, **form)
    layer = ikm.ModulatedConv2d.like(plain)
    x = photograph(3, 4, 9, 8, seed=3) - 0.5
    attention = ikm.ikm_attention(x, kernel)
    assert attention.std() > 0.01
    by_hand = []
    for image, factors in zip(x, attention, strict=True):
        with torch.no_grad():
            own = copy.deepcopy(plain)
            own.weight *= factors
            by_hand.append(own(image[None]))
    with torch.no_grad():
        assert_equal_but_for_rounding(layer(x), torch.cat(by_hand))
        grouped = layer._grouped(x, plain.weight * attention.unsqueeze(1))
    assert_equal_but_for_rounding(grouped, torch.cat(by_hand))


def gradients(image_specific):
    """Gradients of the loss for kernel, bias and input, and for each image's own kernels."""
    torch.manual_seed(0)
    layer = ikm.ModulatedConv2d(4, 5, 3, padding=1)
    layer.image_specific = image_specific
    x = (photograph(3, 4, 8, 8, seed=1) - 0.5).requires_grad_()
    attention = ikm.ikm_attention(x, KERNEL)
    made = layer(x)
    made.square().sum().backward()
    copies = [(layer.weight * factors).detach().requires_grad_() for factors in attention]
    outputs = [
        nn.functional.conv2d(image[None], own, layer.bias, padding=1) for image, own in zip(x, copies, strict=True)
    ]
    assert_equal_but_for_rounding(made, torch.cat(outputs))
    own = torch.autograd.grad(torch.cat(outputs).square().sum(), copies)
    return layer.weight.grad, torch.stack(own), attention.unsqueeze(1), layer.bias.grad, x.grad


def test_image_specific_optimisation_trains_a_kernel_by_the_mean_of_what_its_copies_receive():
    kernel, own, _, bias, lr = gradients(image_specific=True)
    assert_equal_but_for_rounding(kernel, own.mean(0))
    _, _, _, plain_bias, plain_lr = gradients(image_specific=False)
    assert_equal_but_for_rounding(bias, plain_bias)
    assert_equal_but_for_rounding(lr, plain_lr)


def test_otherwise_a_kernel_is_trained_by_the_slope_of_the_loss():
    kernel, own, factors, *_ = gradients(image_specific=False)
    assert_equal_but_for_rounding(kernel, (own * factors).sum(0))


@pytest.fixture(scope="module")
def shelf():
    return load_catalog(strict=True).architectures


def test_modulated_by_the_rule_for_any_network_uhdn_is_the_network_of_the_paper(shelf):
    ours, official = shelf["ikm:uhdn"].network(2).eval(), shelf["uhdn_ikm"].network(2).eval()
    official.load_state_dict(ours.state_dict(), strict=True)
    lr = photograph(2, 3, 7, 8) - 0.4
    with torch.no_grad():
        assert torch.equal(ours(lr), official(lr))


@pytest.mark.parametrize(("name", "count"), [("edsr_baseline", 32), ("imdn", 24), ("vdsr", 18), ("rlfn", 18)])
def test_the_body_is_modulated_and_every_weight_kept(name, count, shelf):
    torch.manual_seed(0)
    plain = shelf[name].network(2)
    torch.manual_seed(0)
    modulated = shelf[f"ikm:{name}"].network(2)
    assert sum(isinstance(m, ikm.ModulatedConv2d) for m in modulated.modules()) == count
    state = modulated.state_dict()
    assert list(state) == list(plain.state_dict())
    assert all(torch.equal(state[key], tensor) for key, tensor in plain.state_dict().items())


@pytest.mark.parametrize("name", ["edsr_small", "mdsr_baseline"])
def test_a_modulated_network_keeps_the_contract(name, shelf):
    assert violations_of(shelf[f"ikm:{name}"]) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ikm:bicubic", "nothing to modulate"),
        ("ikm:bsrn", "no convolution"),
        ("ikm:uhdn_ikm", "modulated already"),
        ("ikm:comonet_s", "modulated already"),
        ("ikm:edrs_small", "edsr_small"),
    ],
)
def test_what_cannot_be_modulated_is_refused_in_a_sentence(name, reason, shelf):
    with pytest.raises(SrbenchError, match=reason):
        shelf[name].network(2)
