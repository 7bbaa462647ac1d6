"""U-HDN and CoMoNet are their authors' networks, and every image weighs their kernels for itself."""

import copy
import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.architectures import comonet, ikm, uhdn
from torch import nn

from helpers.networks import HERE, fill
from srbench.networks.network import Network
from srbench.networks.weights import load_state_dict
from srbench.profiling.complexity import count_macs, count_parameters
from srbench.testing import photograph, violations_of

SPECS = {spec.name: spec for module in (uhdn, comonet) for spec in module.register_architectures()}
TINY = {
    "uhdn_ikm": partial(uhdn.UHDN, channels=8, blocks=2, growth=4, groups=2, modulated=True),
    "comonet_s": partial(comonet.CoMoNet, channels=8, blocks=2, growth=4),
}
ORACLES = {"uhdn_ikm": (3, "ikm_uhdn_tiny_x3"), "comonet_s": (2, "comonet_tiny_x2")}
KERNEL = (3, 3)


def tiny(name):
    """A small one with the weights of the oracles' rule, at x2."""
    build = partial(TINY[name], blocks=1)
    network = build(2).eval()
    fill(network, set())
    return Network(dataclasses.replace(SPECS[name], build=build, taps=("body.0",)), network)


@pytest.mark.parametrize("name", TINY)
def test_a_tiny_one_equals_the_official_network(name, assert_official):
    scale, oracle = ORACLES[name]
    assert_official(TINY[name](scale), oracle)


@pytest.mark.parametrize(
    ("name", "scale", "oracle"),
    [
        ("uhdn_ikm", 2, "ikm_uhdn_x2"),
        ("uhdn_ikm", 4, "ikm_uhdn_x4"),
        ("uhdn", 2, "uhdn_noikm_x2"),
        ("comonet_s", 2, "comonet_s_x2"),
        pytest.param("comonet_l", 2, "comonet_l_x2", marks=pytest.mark.slow),
    ],
)
def test_the_papers_network_equals_the_official_one(name, scale, oracle, assert_official):
    assert_official(SPECS[name].network(scale), oracle)


def test_the_factors_are_the_official_ones():
    oracle = np.load(HERE / "ikm_attention.npz")
    x = torch.from_numpy(oracle["x"])
    np.testing.assert_allclose(ikm.ikm_attention(x, KERNEL), oracle["ikm_k3"], rtol=1e-6)
    np.testing.assert_allclose(ikm.relative_activity(x, KERNEL), oracle["como_k3"], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [
        ("uhdn_ikm", 2, 1_390_915, 321.6),
        ("uhdn_ikm", 3, 1_402_435, 145.1),
        ("uhdn_ikm", 4, 1_400_131, 83.7),
        ("comonet_s", 2, 722_259, 167.0),
        ("comonet_s", 3, 874_179, 90.5),
        ("comonet_s", 4, 760_851, 51.5),
        ("comonet_l", 2, 15_615_779, 3598.7),
    ],
)
def test_its_parameters_and_operations_are_the_published_ones(name, scale, parameters, macs):
    with torch.device("meta"):
        assert count_parameters(SPECS[name].network(scale)) == parameters
    assert round(gmacs(name, scale, 720, 1280), 1) == macs


@pytest.mark.parametrize(("scale", "macs"), [(2, 60.31), (3, 27.19), (4, 15.70)])
def test_the_operations_that_the_paper_prints_are_those_of_a_smaller_image(scale, macs):
    assert round(gmacs("uhdn_ikm", scale, 360, 480), 2) == macs


def gmacs(name, scale, height, width):
    """Of an lr whose sides are rounded up, as the counts of the facts are."""
    size = -(-height // scale), -(-width // scale)
    return count_macs(lambda: SPECS[name].network(scale), lambda network, lr: network(lr), size).total / 1e9


CHECKPOINTS = [(name, checkpoint) for name in SPECS for checkpoint in SPECS[name].checkpoints]


@pytest.mark.parametrize(("name", "checkpoint"), CHECKPOINTS, ids=[f"{name}-x{c.scale}" for name, c in CHECKPOINTS])
def test_the_official_weights_load_as_they_are(name, checkpoint, shared):
    state = load_state_dict(shared(f"weights/{checkpoint.file}")).state
    network = SPECS[name].network(checkpoint.scale)
    network.load_state_dict(state, strict=True)
    assert all(not tensor.any() for key, tensor in state.items() if key.endswith("threshold"))


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
    torch.testing.assert_close(ikm.relative_activity(x, kernel, threshold), expected)
    if not threshold:
        torch.testing.assert_close(ikm.ikm_attention(x, kernel), 1 + 1 / (1 + (1 - expected).exp()))


def test_a_channel_that_is_active_everywhere_has_one_factor():
    x = torch.rand(1, 2, 7, 8)
    torch.testing.assert_close(ikm.ikm_attention(x, KERNEL), torch.full((1, 2, 3, 3), 1.5))
    torch.testing.assert_close(ikm.relative_activity(x, KERNEL), torch.ones(1, 2, 3, 3))


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
        assert torch.allclose(layer(x), torch.cat(by_hand), atol=1e-6)
        grouped = layer._grouped(x, plain.weight * attention.unsqueeze(1))
    assert torch.allclose(grouped, torch.cat(by_hand), atol=1e-6)


def test_factors_that_the_layer_before_knew_are_taken_over():
    convolution = uhdn.Convolution(8, 4, modulated=True)
    x = photograph(2, 8, 9, 7) - 0.5
    whole = convolution.attention(x, None)
    assert torch.equal(convolution.attention(x, whole[:, :5]), whole)
    assert uhdn.Convolution(8, 4).attention(x, None) is None


def gradients(image_specific):
    """Of the loss by kernel, bias and input, and of the kernels that the images have for themselves."""
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
    torch.testing.assert_close(made, torch.cat(outputs))
    own = torch.autograd.grad(torch.cat(outputs).square().sum(), copies)
    return layer.weight.grad, torch.stack(own), attention.unsqueeze(1), layer.bias.grad, x.grad


def test_image_specific_optimisation_trains_a_kernel_by_the_mean_of_what_its_copies_receive():
    kernel, own, _, bias, lr = gradients(image_specific=True)
    torch.testing.assert_close(kernel, own.mean(0))
    _, _, _, plain_bias, plain_lr = gradients(image_specific=False)
    torch.testing.assert_close(bias, plain_bias)
    torch.testing.assert_close(lr, plain_lr)


def test_otherwise_a_kernel_is_trained_by_the_slope_of_the_loss():
    kernel, own, factors, *_ = gradients(image_specific=False)
    torch.testing.assert_close(kernel, (own * factors).sum(0))


@pytest.mark.parametrize("name", TINY)
def test_it_keeps_the_contract_of_an_architecture(name):
    assert violations_of(tiny(name).spec) == []


@pytest.mark.parametrize("name", TINY)
def test_a_batch_of_any_size_is_its_images_one_by_one(name):
    network = tiny(name)
    lr = torch.cat([photograph(1, 3, 7, 11, seed=seed) for seed in range(4)])
    with torch.no_grad():
        alone = torch.cat([network(image[None], 2) for image in lr])
        assert torch.allclose(network(lr, 2), alone, atol=1e-6)


@pytest.mark.parametrize("name", ["uhdn_ikm", pytest.param("comonet_s", marks=pytest.mark.slow)])
def test_one_export_serves_every_size_and_every_batch(name):
    network = tiny(name).module
    sides = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    exported = torch.export.export(network, (photograph(2, 3, 9, 13) - 0.5,), dynamic_shapes=(sides,)).module()
    for count, height, width in ((1, 3, 4), (3, 21, 10), (1, 9, 103)):
        lr = photograph(count, 3, height, width) - 0.5
        with torch.no_grad():
            assert torch.allclose(exported(lr), network(lr), atol=1e-6)


CONVOLUTIONS = {"uhdn_ikm": partial(uhdn.Convolution, modulated=True), "comonet_s": comonet.ThresholdConvolution}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_compiled_or_in_onnxruntime_a_dense_block_gives_the_same(name):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    block = uhdn.DenseBlock(8, 4, 2, CONVOLUTIONS[name], partial(nn.LeakyReLU, 0.1), bias=True).eval()
    x = photograph(2, 8, 11, 10) - 0.5
    with torch.no_grad():
        expected = block(x)
        assert torch.allclose(torch.compile(block, fullgraph=True)(x), expected, atol=1e-5)
    program = torch.onnx.export(block, (x,), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (made,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", TINY)
def test_converted_to_half_precision_it_stays_close(name, dtype):
    network = tiny(name)
    lr = photograph(2, 3, 12, 10)
    half = Network(network.spec, copy.deepcopy(network.module).to(dtype))
    with torch.no_grad():
        error = half(lr.to(dtype), 2).float() - network(lr, 2)
    assert error.square().mean().sqrt() < 0.01


def test_without_modulation_comonet_has_the_same_keys_and_other_outputs():
    on, off = TINY["comonet_s"](2).eval(), TINY["comonet_s"](2, modulated=False).eval()
    fill(on, set())
    off.load_state_dict(on.state_dict(), strict=True)
    lr = photograph(1, 3, 9, 9) - 0.5
    with torch.no_grad():
        assert not torch.allclose(on(lr), off(lr), atol=1e-4)


def test_every_published_score_is_told_apart_by_dataset_scale_and_metric():
    reported = SPECS["uhdn_ikm"].reported
    assert len({(r.dataset, r.scale, r.metric) for r in reported}) == len(reported) == 30
    assert not SPECS["uhdn"].reported
