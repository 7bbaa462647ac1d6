"""RRDBNet computes what its authors' code computes, and takes weights with the keys of both of their releases."""

import json

import numpy as np
import pytest
import torch
from srbench_plugins.architectures import rrdbnet
from srbench_plugins.architectures.rrdbnet import RRDBNet

from helpers.architectures import (
    assert_one_export_serves,
    assert_scores_distinct,
    assert_size,
    fresh,
)
from helpers.networks import HERE, NOISE, draw
from helpers.rounding import assert_equal_but_for_rounding
from srbench.networks.fitting import fit
from srbench.networks.network import Network
from srbench.networks.weights import load_state_dict
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in rrdbnet.register_architectures()}
TINY = {"channels": 16, "blocks": 2, "growth": 8}


def first_names(state):
    """Return a state dict with the keys of the first release."""
    named = {}
    for key, tensor in state.items():
        parts = key.split(".")
        if parts[0] == "body":
            parts = ["RRDB_trunk", parts[1], parts[2].upper(), *parts[3:]]
        else:
            renamed = {"conv_body": "trunk_conv", "conv_up1": "upconv1", "conv_up2": "upconv2", "conv_hr": "HRconv"}
            parts[0] = renamed.get(parts[0], parts[0])
        named[".".join(parts)] = tensor
    return named


def assert_equals_the_first_release(network, name, folder):
    """Load the oracle's weights by the keys of the first release, and compare the output."""
    meta, arrays = json.loads((folder / f"{name}.json").read_text()), np.load(folder / f"{name}.npz")
    state = {key: draw(key, shape).float() for key, shape, _ in meta["state_dict"]}
    assert list(first_names(network.state_dict())) == list(state)
    network.load_state_dict(state, strict=True)
    with torch.no_grad():
        difference = np.abs(network.eval()(torch.from_numpy(arrays["x"])).numpy() - arrays["y"]).max()
    assert difference < NOISE * meta["outputs"]["y"]["fp32_vs_fp64_max_abs"]


def test_a_tiny_one_with_the_keys_of_the_first_release_equals_the_official_network():
    assert_equals_the_first_release(RRDBNet(4, **TINY), "rrdbnet_esrgan_tiny_x4", HERE)


def test_the_papers_network_equals_the_official_one(shared):
    assert_equals_the_first_release(SPECS["rrdbnet"].network(4), "rrdbnet_esrgan_x4", shared("oracles/survey"))


def test_its_parameters_are_the_published_ones():
    assert_size(SPECS["rrdbnet"], 4, 16_697_987)


@pytest.mark.parametrize(("scale", "named"), [(2, dict), (4, dict), (4, first_names)])
def test_spandrel_knows_it_by_its_keys_and_computes_the_same(scale, named):
    """Another implementation, also at x2, for which there is no oracle."""
    spandrel = pytest.importorskip("spandrel")
    network = RRDBNet(scale, **TINY | {"growth": 32}).eval()  # the only growth that spandrel knows
    other = spandrel.ModelLoader("cpu").load_from_state_dict(named(network.state_dict()))
    assert (other.architecture.name, other.scale) == ("ESRGAN", scale)
    lr = photograph(2, 3, 10, 14)
    with torch.no_grad():
        assert_equal_but_for_rounding(network(lr), other.model.eval()(lr))


@pytest.mark.parametrize("wrapper", [None, "params_ema"])
def test_a_file_of_either_naming_loads_as_weights(wrapper, tmp_path):
    wanted = RRDBNet(4, **TINY).state_dict()
    for named in (wanted, first_names(wanted)):
        file = tmp_path / "weights.pth"
        torch.save(named if wrapper is None else {wrapper: named}, file)
        network = Network(SPECS["rrdbnet_small"], RRDBNet(4, **TINY))
        fit(network, 4, load_state_dict(file, network.module.state_dict()).state, file, SPECS)
        assert all(torch.equal(weight, wanted[key]) for key, weight in network.module.state_dict().items())


def test_it_starts_near_to_nothing_in_its_blocks():
    network = fresh(SPECS["rrdbnet_small"], 4).module
    for layer in network.body[0].rdb1.children():
        wanted = 0.1 * (2 / layer.weight[0].numel()) ** 0.5
        assert layer.weight.std().item() == pytest.approx(wanted, rel=0.1)
        assert not layer.bias.any()


def test_odd_sides_at_x2_are_those_of_the_extended_image():
    network, lr = fresh(SPECS["rrdbnet_small"]).module, photograph(1, 3, 7, 9)
    extended = torch.cat((lr, lr[..., -1:, :]), -2)
    extended = torch.cat((extended, extended[..., -1:]), -1)
    with torch.no_grad():
        assert torch.equal(network(lr), network(extended)[..., :14, :18])


def test_one_export_serves_images_of_other_sizes():
    assert_one_export_serves(fresh(SPECS["rrdbnet_small"], 4).module, [(1, 7, 12), (3, 20, 5)])


def test_its_sides_are_computed_by_what_torch_compile_has():
    any_side = torch.export.Dim.DYNAMIC
    network, sides = RRDBNet(2, **TINY).eval(), ({2: any_side, 3: any_side},)
    exported = torch.export.export(network, (torch.rand(1, 3, 9, 12),), dynamic_shapes=sides, strict=False)
    shapes = str([node.meta.get("val") for node in exported.graph.nodes])
    assert "Mod(" in shapes
    assert "PythonMod" not in shapes  # inductor has none for tensors


def test_its_reported_scores_are_distinct():
    assert_scores_distinct(SPECS["rrdbnet"])
