"""HSRNet computes what its authors' code computes, with their keys, sizes and counts."""

import dataclasses
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from srbench_plugins.architectures import hsrnet

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
from srbench.networks.weights import load_state_dict
from srbench.profiling.complexity import count_macs, count_parameters
from srbench.testing import photograph, violations_of
from srbench.training.checkpoints import save_weights

(SPEC,) = hsrnet.register_architectures()
SHALLOW = dataclasses.replace(
    SPEC, build=partial(hsrnet.HSRNet, channels=16, stages=2, iterations=2), taps=("body.0", "body.1")
)
LR_720P = {2: (360, 640), 3: (240, 427), 4: (180, 320)}
"""Sides of the LR image for which the official counts were taken: a third of 1280 is rounded up."""


def small(scale=2, **sizes):
    network = hsrnet.HSRNet(scale, **({"channels": 16, "stages": 2, "iterations": 2} | sizes)).eval()
    fill(network, {f"{side}_mean.{key}" for side in ("sub", "add") for key in ("weight", "bias")})
    return network


def test_a_tiny_one_equals_the_official_network(assert_official):
    assert_official(hsrnet.HSRNet(3, stages=2, iterations=2), "hsrnet_tiny_x3")


@pytest.mark.parametrize("scale", [2, 4])
def test_the_papers_network_equals_the_official_one(scale, assert_official):
    assert_official(SPEC.network(scale), f"hsrnet_x{scale}")


@pytest.mark.parametrize(
    ("scale", "parameters", "published"), [(2, 1_264_324, 803.7), (3, 1_272_979, 358.3), (4, 1_285_096, 202.1)]
)
def test_its_size_and_multiply_accumulates_are_the_official_ones(scale, parameters, published):
    with torch.device("meta"):
        assert count_parameters(SPEC.network(scale)) == parameters
    macs = count_macs(lambda: SPEC.network(scale), lambda network, lr: network(lr), LR_720P[scale])
    assert round(macs.total / 1e9, 1) == published


def test_its_second_name_for_the_denoiser_is_the_same_weights_once_more():
    network = small()
    state = network.state_dict()
    names = [key.removeprefix("body.") for key in state if key.startswith("body.")]
    assert names == [key.removeprefix("Denoiser.") for key in state if key.startswith("Denoiser.")]
    assert all(state[f"body.{name}"].data_ptr() == state[f"Denoiser.{name}"].data_ptr() for name in names)
    assert not any(key.startswith("Denoiser.") for key, _ in network.named_parameters())


def test_weights_that_went_through_a_file_give_the_same_image(tmp_path):
    """Files of tensors refuse two names for one memory."""
    network, fresh = small(), hsrnet.HSRNet(2, channels=16, stages=2, iterations=2).eval()
    save_weights(tmp_path / "weights.safetensors", network.state_dict())
    fresh.load_state_dict(load_state_dict(tmp_path / "weights.safetensors").state, strict=True)
    lr = photograph(1, 3, 7, 6) * 255
    with torch.no_grad():
        assert torch.equal(fresh(lr), network(lr))


@pytest.mark.parametrize("sides", [(2, 2), (2, 9), (7, 6)])
def test_exploration_and_attention_are_their_formulas(sides):
    exploration, attention = small().body[0].conv
    x = torch.randn(2, 16, *sides, generator=torch.Generator().manual_seed(0))

    def refine(parts, y):
        for part in parts:
            y = F.leaky_relu(part.conv[0](y), 0.01)
        return y

    with torch.no_grad():
        t1, t2, t3, t4 = refine([exploration.conv_in], x).chunk(4, dim=1)
        t2 = exploration.convA_1(torch.cat((refine(exploration.convA_0, t2), t1), dim=1))
        t3 = exploration.convB_1(torch.cat((refine(exploration.convB_0, t3), t2), dim=1))
        t4 = exploration.convC_1(torch.cat((refine(exploration.convC_0, t4), t3), dim=1))
        explored = x + exploration.conv_out(torch.cat((t1, t2, t3, t4), dim=1))
        assert_equal_but_for_rounding(exploration(x), explored)
        fine, coarse, last = attention.conv_in(x).chunk(3, dim=1)
        coarse = F.interpolate(refine([attention.conv_2x2], F.max_pool2d(coarse, 2)), size=sides, mode="bilinear")
        levels = (refine([attention.conv_1x1], fine), coarse, refine([attention.conv_4x4], last))
        gate = torch.sigmoid(attention.conv_out(torch.cat(levels, dim=1)))
        assert_equal_but_for_rounding(attention(x), x * gate)


def test_every_iteration_runs_the_same_solver_and_denoiser():
    network, ran = small(iterations=3), []
    for name in ("SolverLS", "body"):
        network.get_submodule(name).register_forward_hook(lambda *_, name=name: ran.append(name))
    with torch.no_grad():
        network(photograph(1, 3, 4, 5) * 255)
    assert ran == ["SolverLS", "body"] * 3


def test_its_shift_of_the_mean_is_trained_and_starts_as_the_release_has_it():
    network = hsrnet.HSRNet(2, channels=16, stages=1, iterations=1)
    colours = torch.tensor([0.4488, 0.4371, 0.4040]) * 255
    grey = torch.full((1, 3, 4, 4), 128.0)
    shifted = network.sub_mean(grey)
    assert_equal_but_for_rounding(shifted[0, :, 0, 0], 128 - colours)
    assert_equal_but_for_rounding(network.add_mean(shifted), grey)
    network(grey).mean().backward()
    shifts = (network.sub_mean, network.add_mean)
    assert all(shift.weight.grad is not None and shift.bias.grad is not None for shift in shifts)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_does_not_round_the_picture_where_the_mean_is_shifted(dtype):
    network = hsrnet.HSRNet(2, channels=16, stages=1, iterations=1)
    picture = photograph(1, 3, 6, 5) * 255
    with torch.no_grad(), torch.autocast("cpu", dtype=dtype):
        shifted = network.add_mean(network.sub_mean(picture))
    assert shifted.dtype == torch.float32
    assert_equal_but_for_rounding(shifted, picture)


def test_the_spec_says_how_small_an_image_may_be():
    network = small()
    with torch.no_grad():
        assert network(torch.rand(1, 3, SPEC.min_size, SPEC.min_size) * 255).isfinite().all()
        with pytest.raises(RuntimeError):
            network(torch.rand(1, 3, SPEC.min_size - 1, SPEC.min_size) * 255)


def test_its_scores_say_that_they_are_quoted():
    assert {r.scale for r in SPEC.reported} == {2, 4}
    assert all("quotes" in r.source for r in SPEC.reported)
    assert SPEC.recipe.source.endswith("reconstruction")


def test_it_keeps_the_contract_of_an_architecture():
    assert violations_of(SHALLOW) == []


def test_one_export_serves_every_size_and_every_batch():
    assert_one_export_serves(fresh(SHALLOW).module, ((1, 4, 5), (3, 21, 10), (1, 9, 603)), gain=255.0)


@pytest.mark.slow  # importing the exporter alone takes ten seconds
def test_onnxruntime_gives_the_same():
    assert_onnxruntime_computes_the_same(fresh(SHALLOW).module, photograph(1, 3, 12, 11) * 255)


@pytest.mark.slow  # compiles C++
def test_compiled_whole_it_gives_the_same():
    assert_compiles_whole(fresh(SHALLOW).module, photograph(1, 3, 12, 10) * 255)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_converted_to_half_precision_it_stays_close(dtype):
    """Autocast is the contract's; here the weights themselves are halves."""
    assert_close_in(dtype, fresh(SHALLOW), photograph(2, 3, 12, 10))


def test_it_is_within_rounding_of_double_precision():
    assert_within_rounding_of_double(fresh(SHALLOW), photograph(2, 3, 12, 10))


def test_memory_by_pixels_gives_the_same():
    assert_memory_by_pixels_gives_the_same(fresh(SHALLOW), photograph(2, 3, 12, 10))


def test_its_loss_falls():
    assert_its_loss_falls(fresh(SHALLOW))
