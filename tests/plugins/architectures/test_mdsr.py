"""MDSR computes what its authors' code computes at every scale, with their keys, sizes and counts."""

import dataclasses
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import mdsr

from helpers.architectures import (
    assert_close_in,
    assert_compiles_whole,
    assert_its_loss_falls,
    assert_scores_distinct,
    assert_within_rounding_of_double,
    fresh,
)
from helpers.networks import gmacs
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph, violations_of

SPECS = {spec.name: spec for spec in mdsr.register_architectures()}
SHALLOW = dataclasses.replace(
    SPECS["mdsr"], build=partial(mdsr.MDSR, n_resblocks=2, n_feats=16), taps=("body.0", "body.1")
)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_tiny_one_equals_the_official_network(scale, assert_official):
    assert_official(mdsr.MDSR(n_resblocks=2, n_feats=8), "mdsr_tiny", scale=scale)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["mdsr_baseline", pytest.param("mdsr", marks=pytest.mark.slow)])
def test_the_papers_networks_equal_the_official_ones(name, scale, assert_official):
    assert_official(SPECS[name].network(scale), name, scale=scale)


@pytest.mark.parametrize(("name", "parameters"), [("mdsr_baseline", 3_227_203), ("mdsr", 7_953_987)])
def test_its_size_is_the_published_one(name, parameters):
    with torch.device("meta"):
        assert count_parameters(SPECS[name].network(2)) == parameters


@pytest.mark.parametrize(
    ("name", "published"),
    [("mdsr_baseline", {2: 410.62, 3: 201.94, 4: 137.82}), ("mdsr", {2: 1497.8, 3: 684.4, 4: 409.6})],
)
def test_only_the_layers_of_one_scale_compute(name, published):
    assert {scale: gmacs(SPECS[name], scale) for scale in published} == pytest.approx(published, abs=0.05)


def test_a_step_at_one_scale_leaves_the_other_scales_layers_alone():
    network = mdsr.MDSR(n_resblocks=1, n_feats=8)
    network(torch.rand(1, 3, 5, 7) * 255, 3).mean().backward()
    touched = {key for key, parameter in network.named_parameters() if parameter.grad is not None}
    own = {key for key, _ in network.named_parameters() if key.startswith(("pre_process.1.", "upsample.1."))}
    others = {key for key, _ in network.named_parameters() if key.startswith(("pre_process.", "upsample."))} - own
    assert own <= touched
    assert not others & touched
    assert {"head.0.weight", "body.0.body.0.weight", "tail.0.weight"} <= touched


def test_its_scores_on_div2k_are_by_that_sets_own_convention():
    rows = [r for spec in SPECS.values() for r in spec.reported if r.dataset == "div2k_valid"]
    assert {(r.metric, r.protocol) for r in rows} == {("psnr_rgb", "div2k-rgb")}
    assert [r.value for r in rows] == [34.63, 30.94, 28.97, 34.92, 31.22, 29.24]


def test_it_keeps_the_contract_of_an_architecture():
    assert violations_of(SHALLOW) == []


@pytest.mark.slow
def test_compiled_whole_it_gives_the_same():
    assert_compiles_whole(fresh(SHALLOW).module, photograph(1, 3, 12, 10) * 255, 2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_converted_to_half_precision_it_stays_close(dtype):
    """Autocast is the contract's; here the weights themselves are halves."""
    assert_close_in(dtype, fresh(SHALLOW), photograph(2, 3, 12, 10))


def test_it_is_within_rounding_of_double_precision():
    assert_within_rounding_of_double(fresh(SHALLOW), photograph(2, 3, 12, 10))


def test_its_loss_falls():
    assert_its_loss_falls(fresh(SHALLOW))


def test_its_published_scores_are_distinct():
    assert_scores_distinct(SHALLOW, 3)
