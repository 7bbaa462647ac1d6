"""MDSR computes what its authors' code computes at every scale, with their keys, sizes and counts."""

import pytest
import torch
from srbench_plugins.architectures import mdsr

from helpers.networks import gmacs
from srbench.profiling.complexity import count_parameters

SPECS = {spec.name: spec for spec in mdsr.register_architectures()}


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


def test_its_scores_say_which_come_from_memory():
    sources = {(r.dataset, r.scale): r.source for r in SPECS["mdsr"].reported}
    assert "from memory" in sources["set5", 2]
    assert "README" in sources["div2k_valid", 2]


def test_its_scores_on_div2k_are_by_that_sets_own_convention():
    rows = [r for spec in SPECS.values() for r in spec.reported if r.dataset == "div2k_valid"]
    assert {(r.metric, r.protocol) for r in rows} == {("psnr_rgb", "div2k-rgb")}
    assert [r.value for r in rows] == [34.63, 30.94, 28.97, 34.92, 31.22, 29.24]
