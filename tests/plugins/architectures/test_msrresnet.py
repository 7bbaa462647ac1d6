"""MSRResNet computes what its authors' code computes, with its keys and sizes."""

from functools import partial

import pytest
from srbench_plugins.architectures import msrresnet

from helpers.architectures import assert_one_export_serves, assert_size, fresh
from helpers.networks import NOISE, difference

SPECS = {spec.name: spec for spec in msrresnet.register_architectures()}
TINY = partial(msrresnet.MSRResNet, channels=16, blocks=2)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_tiny_one_equals_the_official_network(scale, assert_official):
    assert_official(TINY(scale), f"msrresnet_tiny_x{scale}")


def test_the_papers_network_equals_the_official_one(shared):
    assert difference(SPECS["msrresnet"].network(4), "msrresnet_x4", shared("oracles/survey")) < NOISE


def test_its_parameters_are_the_published_ones():
    assert_size(SPECS["msrresnet"], 4, 1_517_571)


def test_it_starts_as_nearly_the_bilinear_image():
    network = fresh(SPECS["msrresnet_small"]).module
    for layer in (network.conv_first, network.body[0].conv1, network.upconv1):
        wanted = 0.1 * (2 / layer.weight[0].numel()) ** 0.5
        assert layer.weight.std().item() == pytest.approx(wanted, rel=0.15)
        assert not layer.bias.any()


def test_one_export_serves_images_of_other_sizes():
    assert_one_export_serves(fresh(SPECS["msrresnet_small"]).module, [(1, 7, 12), (3, 20, 5)])
