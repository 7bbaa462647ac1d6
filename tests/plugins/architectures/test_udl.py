"""UDL's network equals the official one, its sr and its map."""

import pytest
import torch
from srbench_plugins.architectures.udl import UncertainEDSR, register_architectures

from helpers import ORACLES
from helpers.networks import NOISE, difference
from srbench.networks.map_parameters import map_parameters
from srbench.networks.network import build_network
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in register_architectures()}


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize(("output", "at"), [("y", 0), ("var", 1)])
def test_it_equals_the_official_network(scale, output, at):
    found = difference(
        UncertainEDSR(scale), f"udl_edsr_s_x{scale}", ORACLES / "survey", output=output, call=lambda m, lr: m(lr)[at]
    )
    assert found < NOISE


@pytest.mark.parametrize(("scale", "parameters"), [(2, 1_445_446), (4, 1_593_158)])
def test_its_parameters_are_the_official_ones(scale, parameters):
    with torch.device("meta"):
        assert count_parameters(SPECS["udl_edsr_s"].network(scale)) == parameters


def test_its_map_is_the_log_scale_of_grey_levels_and_ends_above_minus_one():
    torch.manual_seed(0)
    network = build_network(SPECS["udl_edsr_small"], 2)
    lr = photograph(2, 3, 9, 11)
    with torch.no_grad():
        sr, spread = network.predict(lr, 2)
        assert torch.equal(sr, network(lr, 2))
        assert spread.min() > -1
        torch.testing.assert_close(network.uncertainty(lr, 2), 2**0.5 * spread.exp() / 255)


def test_only_its_branch_is_for_the_map():
    network = build_network(SPECS["udl_edsr_small"], 2)
    assert {id(p) for p in map_parameters(network, (2,))} == {id(p) for p in network.module.var_conv.parameters()}
