"""Weights are fitted strictly; what does not fit is counted, and what would fit is named."""

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.errors import CheckpointError
from srbench.networks.fitting import fit
from srbench.networks.network import build_network


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


@pytest.fixture
def network(catalog):
    return build_network(catalog.architectures["edsr_small"], 2)


def fault(network, state, catalog, tmp_path):
    with pytest.raises(CheckpointError) as caught:
        fit(network, state, tmp_path / "w.pth", catalog.architectures)
    return str(caught.value)


def test_fitting_weights_are_loaded(network, catalog, tmp_path):
    other = build_network(network.spec, 2).module.state_dict()
    fit(network, other, tmp_path / "w.pth", catalog.architectures)
    given = network.module.state_dict()
    assert given.keys() == other.keys()
    assert all(torch.equal(given[key], other[key]) for key in other)


def test_misfits_are_counted_and_the_first_of_each_named(network, catalog, tmp_path):
    state = network.module.state_dict()
    del state["head.0.weight"], state["head.0.bias"]
    state["tail.9.weight"] = torch.ones(1)
    state["tail.1.bias"] = torch.ones(5)
    text = fault(network, state, catalog, tmp_path)
    assert "2 missing (first: head.0.weight)" in text
    assert "1 unexpected (first: tail.9.weight)" in text
    assert "1 of another shape (first: tail.1.bias, (5,) in the file and (3,) in the network)" in text
    assert "The nearest is edsr_small at x2, where" in text


@pytest.mark.parametrize(("name", "scale"), [("edsr_small", 4), ("edsr_baseline", 2), ("fsrcnn_s", 2)])
def test_the_architecture_that_fits_is_named(name, scale, network, catalog, tmp_path):
    state = catalog.architectures[name].network(scale).state_dict()
    text = fault(network, state, catalog, tmp_path)
    if name == "fsrcnn_s":  # its deconvolution has one shape at every scale
        assert "It fits fsrcnn_s at x2 exactly" in text
    else:
        assert f"It fits {name} at x{scale} exactly" in text


def test_weights_of_an_unknown_network_are_said_to_be_that(network, catalog, tmp_path):
    text = fault(network, {"encoder.0.weight": torch.ones(3)}, catalog, tmp_path)
    assert "No architecture that srbench knows fits" in text


def test_weights_with_nan_are_refused(network, catalog, tmp_path):
    state = {key: value.clone() for key, value in network.module.state_dict().items()}
    state["head.0.bias"][0] = torch.nan
    assert "NaN or infinity in head.0.bias" in fault(network, state, catalog, tmp_path)
