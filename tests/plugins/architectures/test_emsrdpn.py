"""EMSRDPN computes what its authors' code computes at every scale, with their keys, sizes and counts."""

import dataclasses
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from srbench_plugins.architectures import emsrdpn

from helpers.architectures import (
    assert_close_in,
    assert_compiles_whole,
    assert_its_loss_falls,
    assert_memory_by_pixels_gives_the_same,
    assert_one_export_serves,
    assert_onnxruntime_computes_the_same,
    assert_within_rounding_of_double,
    fresh,
)
from helpers.networks import fill
from helpers.rounding import assert_equal_but_for_rounding
from srbench.profiling.complexity import count_macs, count_parameters, forward_at
from srbench.testing import photograph, violations_of

SPECS = {spec.name: spec for spec in emsrdpn.register_architectures()}
DUAL = {"residual": 8, "dense": 6, "growth": 4, "blocks": 2, "units": 2}
SHALLOW = {
    "emsrdpn_a": (partial(emsrdpn.EMSRDPN, **DUAL), ("SRDPBs.0", "SRDPBs.1")),
    "emsrdpn_b": (partial(emsrdpn.single, **DUAL | {"dense": 0, "growth": 0}), ("SRDPBs.1",)),
    "emsrdpn_c": (partial(emsrdpn.single, **DUAL | {"residual": 0}), ("SRDPBs.1",)),
}
DIFFERENT = ["emsrdpn_a", *(pytest.param(name, marks=pytest.mark.slow) for name in ("emsrdpn_b", "emsrdpn_c"))]
"""For what takes longer: the ablations are nearly the first."""
TINY = {"residual": 8, "dense": 6, "growth": 4, "blocks": 2, "units": 3}
LR_720P = {2: (360, 640), 3: (240, 427), 4: (180, 320), 8: (90, 160)}
"""Sides of the LR image for which the official counts were taken: a third of 1280 is rounded up."""


def shallow(name):
    build, taps = SHALLOW[name]
    return dataclasses.replace(SPECS[name], build=build, taps=taps)


@pytest.mark.parametrize(("scale", "output"), [(2, "y0"), (3, "y1")])
def test_a_tiny_one_equals_the_official_network(scale, output, assert_official):
    network = emsrdpn.EMSRDPN((2, 3), **TINY)
    assert_official(network, "emsrdpn_tiny_x23", scale=scale, output=output)


@pytest.mark.parametrize(
    ("scale", "output"),
    [(2, "y0"), *(pytest.param(s, y, marks=pytest.mark.slow) for s, y in ((3, "y1"), (4, "y2"), (8, "y3")))],
)
def test_the_papers_network_equals_the_official_one(scale, output, assert_official):
    assert_official(SPECS["emsrdpn_a"].network(scale), "emsrdpn_a_x2348", scale=scale, output=output)


def test_the_ablation_with_residual_paths_alone_equals_the_official_one(assert_official):
    network = SPECS["emsrdpn_b"].network(4)
    assert_official(network, "emsrdpn_b_x4", output="y0")


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "published"),
    [
        ("emsrdpn_a", 2, 17_522_188, 3046.5),
        ("emsrdpn_a", 3, 17_522_188, 1432.4),
        ("emsrdpn_a", 4, 17_522_188, 899.9),
        ("emsrdpn_a", 8, 17_522_188, 363.3),
        ("emsrdpn_b", 4, 13_915_803, 916.9),
        ("emsrdpn_c", 4, 13_748_671, 886.3),
    ],
)
def test_its_size_and_multiply_accumulates_are_the_official_ones(name, scale, parameters, published):
    spec = SPECS[name]
    with torch.device("meta"):
        assert count_parameters(spec.network(scale)) == parameters
    assert count_macs(
        lambda: spec.network(scale), forward_at(spec, scale), LR_720P[scale]
    ).total / 1e9 == pytest.approx(published, abs=0.05)


@pytest.mark.parametrize(("scale", "used"), [(2, 13_231_875), (3, 13_969_795), (4, 13_822_211), (8, 14_412_547)])
def test_one_scale_needs_what_a_network_of_its_own_would_have(scale, used):
    with torch.device("meta"):
        assert count_parameters(emsrdpn.single(scale)) == used


def as_written(unit, x, residual):
    """A unit by the paper's formulas: sums on one path, concatenation on the other."""
    made = unit.dpb_conv[3](torch.relu(unit.dpb_conv[1](torch.relu(x))))
    summed = x[:, :residual] + made[:, :residual]
    return torch.cat((summed, made[:, residual:], x[:, residual:]), dim=1)


@pytest.mark.parametrize(
    "sizes",
    [TINY, TINY | {"dense": 0, "growth": 0}, TINY | {"residual": 0}, TINY | {"dense": 0}, TINY | {"growth": 0}],
    ids=["dual", "residual", "dense", "dense_from_nothing", "dense_without_growth"],
)
def test_it_computes_its_formulas_with_any_of_its_paths(sizes):
    """The official code concatenates all blocks' features before it fuses them."""
    network = emsrdpn.single(2, **sizes).eval()
    fill(network, set())
    lr = torch.rand(2, 3, 7, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        shallow = network.SFENet1(lr)
        features, kept = network.SFENet2(shallow), []
        for block in network.SRDPBs:
            for unit in block.convs:
                features = as_written(unit, features, sizes["residual"])
            features = block.dpb_transition(features)
            kept.append(features)
        deep = network.transition(torch.cat(kept, dim=1)) + shallow
        expected = network.tail[0](network.upsample[0](deep))
        assert_equal_but_for_rounding(network(lr), expected)


def test_a_unit_leaves_the_features_it_reads_alone():
    unit = emsrdpn.DualPathUnit(14, 8, 4)
    x = torch.randn(1, 14, 5, 5)
    given = x.clone()
    unit(x)
    assert torch.equal(x, given)


def test_the_fusion_of_all_blocks_gets_the_gradient_of_the_whole_convolution():
    network = emsrdpn.single(2, **TINY)
    lr = torch.rand(2, 3, 5, 6)
    seen = []
    for block in network.SRDPBs:
        block.register_forward_hook(lambda _module, _given, made: seen.append(made.detach()))
    fused = []
    network.transition[1].register_forward_pre_hook(lambda _module, given: fused.append(given[0]))
    network(lr)
    fusing = network.transition[0]
    expected = F.conv2d(torch.cat(seen, dim=1), fusing.weight, fusing.bias)
    assert_equal_but_for_rounding(fused[0], expected)
    cotangent = torch.randn_like(expected)
    ours = torch.autograd.grad(fused[0], [fusing.weight, fusing.bias], cotangent)
    whole = torch.autograd.grad(expected, [fusing.weight, fusing.bias], cotangent)
    for one, other in zip(ours, whole, strict=True):
        assert_equal_but_for_rounding(one, other)


def test_a_step_at_one_scale_leaves_the_other_scales_layers_alone():
    network = emsrdpn.EMSRDPN(**TINY)
    network(torch.rand(1, 3, 5, 7) * 255, 4).mean().backward()
    touched = {key for key, parameter in network.named_parameters() if parameter.grad is not None}
    own = {key for key, _ in network.named_parameters() if key.startswith(("upsample.2.", "tail.2."))}
    branches = {key for key, _ in network.named_parameters() if key.startswith(("upsample.", "tail."))}
    assert own <= touched
    assert not (branches - own) & touched
    assert {key for key, _ in network.named_parameters()} - branches <= touched


def test_a_shared_network_asked_for_no_scale_enlarges_by_its_first():
    network = partial(emsrdpn.EMSRDPN, **TINY)((3, 2)).eval()
    lr = torch.rand(1, 3, 4, 5)
    with torch.no_grad():
        assert torch.equal(network(lr), network(lr, 3))


def test_its_presets_say_how_the_shared_network_and_the_ablations_were_trained():
    shared_recipe, ablation = SPECS["emsrdpn_a"].recipe, SPECS["emsrdpn_c"].recipe
    assert (shared_recipe.steps, shared_recipe.halve_every) == (5_000_000, 1_000_000)
    assert (ablation.steps, ablation.halve_every) == (1_250_000, 250_000)
    assert SPECS["emsrdpn_a"].multi_scale
    assert not SPECS["emsrdpn_b"].multi_scale


@pytest.mark.parametrize("name", SHALLOW)
def test_it_keeps_the_contract_of_an_architecture(name):
    assert violations_of(shallow(name)) == []


@pytest.mark.parametrize("name", DIFFERENT)
def test_one_export_serves_every_size_and_every_batch(name):
    assert_one_export_serves(fresh(shallow(name)).module, ((1, 4, 5), (3, 21, 10), (1, 9, 603)), gain=255.0)


@pytest.mark.slow  # importing the exporter alone takes ten seconds
@pytest.mark.parametrize("name", SHALLOW)
def test_onnxruntime_gives_the_same(name):
    assert_onnxruntime_computes_the_same(fresh(shallow(name)).module, photograph(1, 3, 12, 11) * 255)


@pytest.mark.slow  # compiles C++
@pytest.mark.parametrize("name", SHALLOW)
def test_compiled_whole_it_gives_the_same(name):
    assert_compiles_whole(fresh(shallow(name)).module, photograph(1, 3, 12, 10) * 255)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", SHALLOW)
def test_converted_to_half_precision_it_stays_close(name, dtype):
    """Autocast is the contract's; here the weights themselves are halves."""
    assert_close_in(dtype, fresh(shallow(name)), photograph(2, 3, 12, 10))


@pytest.mark.parametrize("name", SHALLOW)
def test_it_is_within_rounding_of_double_precision(name):
    assert_within_rounding_of_double(fresh(shallow(name)), photograph(2, 3, 12, 10))


@pytest.mark.parametrize("name", SHALLOW)
def test_memory_by_pixels_gives_the_same(name):
    assert_memory_by_pixels_gives_the_same(fresh(shallow(name)), photograph(2, 3, 12, 10))


@pytest.mark.parametrize("name", DIFFERENT)
def test_its_loss_falls(name):
    assert_its_loss_falls(fresh(shallow(name)))
