"""Every bundled network that is small enough: a program."""

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.exporting.facts import facts_of
from srbench.exporting.programs import TORCHSCRIPT, make_program
from srbench.networks.network import build_network
from srbench.planning.cells import Model
from srbench.upscaling.loading import ChosenModel

pytestmark = pytest.mark.slow

LARGEST = 332_000
"""Parameters of the largest network here, to stay within minutes."""
ONE_IMAGE = {"kdsr_small", "kdsr_small_constant", "kdsr_small_constant_deep", "kdsr_small_nonblind"}
"""Programs for one image at a time: each image has kernels of its own."""


def small():
    shelf = load_catalog().architectures
    with torch.device("meta"):
        networks = {name: shelf[name].network(min(shelf[name].scales)) for name in shelf}
    return [name for name, net in networks.items() if sum(p.numel() for p in net.parameters()) <= LARGEST]


def program_of(name):
    spec = load_catalog().architectures[name]
    scale = min(spec.scales)
    network = build_network(spec, scale)
    network.module.eval()
    chosen = ChosenModel(Model(architecture=name, source="file", scales=(scale,)), scale)
    return make_program(TORCHSCRIPT, network, facts_of(chosen, spec))


@pytest.mark.parametrize("name", small())
def test_a_small_network_is_a_torchscript_program(name):
    assert program_of(name).any_batch == (name not in ONE_IMAGE)
