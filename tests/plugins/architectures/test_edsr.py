"""EDSR computes what its authors' code computes, with their keys, sizes and counts."""

import pytest
import torch
from srbench_plugins.architectures import edsr

from helpers.networks import fill, gmacs
from srbench.networks.blocks import thirds
from srbench.profiling.complexity import count_parameters

SPECS = {spec.name: spec for spec in edsr.register_architectures()}


@pytest.mark.parametrize("scale", [2, 4])
def test_a_tiny_one_equals_the_official_network(scale, assert_official):
    network = edsr.EDSR(scale, n_resblocks=2, n_feats=8, res_scale=0.1, rgb_range=1.0)
    assert_official(network, f"edsr_tiny_x{scale}")


@pytest.mark.parametrize("scale", [2, 4])
def test_the_baseline_equals_the_official_network(scale, assert_official):
    assert_official(SPECS["edsr_baseline"].network(scale), f"edsr_baseline_x{scale}")


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_the_large_one_equals_the_official_network(scale, assert_official):
    assert_official(SPECS["edsr"].network(scale), f"edsr_x{scale}")


@pytest.mark.parametrize(
    ("name", "scale", "parameters"),
    [
        ("edsr_baseline", 2, 1_369_859),
        ("edsr_baseline", 3, 1_554_499),
        ("edsr_baseline", 4, 1_517_571),
        ("edsr", 2, 40_729_603),
        ("edsr", 3, 43_680_003),
        ("edsr", 4, 43_089_923),
        ("edsr_small", 2, 31_043),
        ("edsr_medium", 2, 121_987),
    ],
)
def test_its_size_is_the_published_one(name, scale, parameters):
    with torch.device("meta"):
        assert count_parameters(SPECS[name].network(scale)) == parameters


@pytest.mark.parametrize(
    ("name", "scale", "published"),
    [
        ("edsr_baseline", 2, 316.25), ("edsr_baseline", 3, 160.06), ("edsr_baseline", 4, 114.23),
        ("edsr", 2, 9384.8), ("edsr", 3, 4469.5), ("edsr", 4, 2894.6),
    ],
)  # fmt: skip
def test_its_multiply_accumulates_are_the_published_ones(name, scale, published):
    assert gmacs(SPECS[name], scale) == pytest.approx(published, abs=0.06)


def test_the_residual_scale_and_the_global_skip_matter():
    """Without its body the network is head, upsampler and tail alone; the skip must carry that."""
    network = edsr.EDSR(2, n_resblocks=2, n_feats=8, rgb_range=1.0).eval()
    fill(network, {k for k in network.state_dict() if "mean" in k})
    lr = torch.rand(1, 3, 6, 7)
    with torch.no_grad():
        for parameter in network.body.parameters():
            parameter.zero_()
        direct = network.add_mean(network.tail(network.head(network.sub_mean(lr))))
        assert torch.equal(network(lr), direct)


@pytest.mark.parametrize(("blocks", "taps"), [(16, (4, 9, 15)), (32, (9, 20, 31))])
def test_its_taps_end_the_thirds_that_fakd_uses(blocks, taps):
    assert thirds("body", blocks) == tuple(f"body.{i}" for i in taps)


def test_its_recipe_halves_the_rate_once_in_300_000_steps():
    recipe = SPECS["edsr_baseline"].recipe
    assert [recipe.rate_at(step) for step in (0, 199_999, 200_000, 299_999)] == [1e-4, 1e-4, 5e-5, 5e-5]


def test_published_scores_differ_in_dataset_scale_or_metric():
    for spec in SPECS.values():
        keys = [(r.dataset, r.scale, r.metric) for r in spec.reported]
        assert len(set(keys)) == len(keys)
    reported = {(r.dataset, r.scale, r.metric): r.value for r in SPECS["edsr"].reported}
    assert reported["set5", 4, "psnr_y"] == 32.46
    assert reported["urban100", 2, "ssim_y"] == 0.9351


def test_its_scores_on_div2k_are_by_that_sets_own_convention():
    rows = [r for spec in SPECS.values() for r in spec.reported if r.dataset == "div2k_valid"]
    assert {(r.metric, r.protocol, r.scale) for r in rows} == {("psnr_rgb", "div2k-rgb", s) for s in (2, 3, 4)}
    assert [r.value for r in rows] == [34.61, 30.92, 28.95, 35.03, 31.26, 29.25]
    assert {r.protocol for spec in SPECS.values() for r in spec.reported if r.dataset != "div2k_valid"} == {"classic-y"}
