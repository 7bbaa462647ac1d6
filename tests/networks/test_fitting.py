"""Weights are fitted strictly; what does not fit is counted, and what would fit is named."""

from pathlib import Path

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.errors import CheckpointError
from srbench.networks.fitting import doubts_about_scale, fit
from srbench.networks.network import build_network
from srbench.networks.weights import LoadedWeights, load_state_dict


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


@pytest.fixture
def network(catalog):
    return build_network(catalog.architectures["edsr_small"], 2)


def fault(network, state, catalog, tmp_path):
    with pytest.raises(CheckpointError) as caught:
        fit(network, 2, state, tmp_path / "w.pth", catalog.architectures)
    return str(caught.value)


def test_fitting_weights_are_loaded(network, catalog, tmp_path):
    other = build_network(network.spec, 2).module.state_dict()
    fit(network, 2, other, tmp_path / "w.pth", catalog.architectures)
    given = network.module.state_dict()
    assert given.keys() == other.keys()
    assert all(torch.equal(given[key], other[key]) for key in other)


def test_misfits_are_counted_and_the_first_of_each_named(network, catalog, tmp_path):
    state = network.module.state_dict()
    del state["head.0.weight"], state["head.0.bias"]
    state["tail.9.weight"] = torch.ones(1)
    state["tail.1.bias"] = torch.ones(5)
    text = fault(network, state, catalog, tmp_path)
    assert "w.pth does not fit edsr_small at x2: 2 keys are missing (first: head.0.weight), " in text
    assert "1 key is not in the network (first: tail.9.weight), " in text
    assert "1 key is of another shape (first: tail.1.bias, (5,) in the file and (3,) in the network)" in text
    assert "The nearest is edsr_small at x2, where 83% of the keys fit; use weights that fit all." in text


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.uint8, torch.float8_e4m3fn])
def test_weights_of_another_type_are_refused_by_its_name(dtype, network, catalog, tmp_path):
    state = {key: value.to(dtype) for key, value in network.module.state_dict().items()}
    text = fault(network, state, catalog, tmp_path)
    assert f"holds {str(dtype).removeprefix('torch.')} values for sub_mean.weight; srbench loads float64" in text


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precisions_are_loaded(dtype, network, catalog, tmp_path):
    state = {key: value.to(dtype) for key, value in network.module.state_dict().items()}
    fit(network, 2, state, tmp_path / "w.pth", catalog.architectures)
    assert torch.equal(network.module.state_dict()["head.0.weight"], state["head.0.weight"].float())


def test_weights_that_fit_at_several_scales_are_doubted_unless_the_file_states_its_scale(catalog):
    def doubts(scale, name="w.pth", architecture="fsrcnn_s"):
        return doubts_about_scale(LoadedWeights({}, scale=scale), Path(name), architecture, 2, catalog.architectures)

    assert doubts(2) == []
    assert doubts(3) == ["w.pth says that it is for x3, and it is used at x2; check that this is right."]
    several = "w.pth does not say its scale, and weights of fsrcnn_s for x3, x4, x8 have the same shapes; "
    assert doubts(None) == [several + "check that these are for x2."]
    assert doubts(None, architecture="edsr_small") == []
    assert doubts(4, architecture="vdsr") == [], "it has one set of weights for several scales"


def test_weights_with_nan_are_refused(network, catalog, tmp_path):
    state = {key: value.clone() for key, value in network.module.state_dict().items()}
    state["head.0.bias"][0] = torch.nan
    assert "NaN or infinity in head.0.bias" in fault(network, state, catalog, tmp_path)


@pytest.mark.parametrize(("file", "name", "scale"), [("pan/PANx2_DF2K.pth", "pan", 3), ("a2n/aan_x2.pt", "a2n", 3)])
def test_official_weights_of_equal_shapes_are_doubted_at_another_scale(file, name, scale, catalog, shared, tmp_path):
    path, renamed, known = shared(f"weights/{file}"), tmp_path / "w.pth", catalog.architectures
    renamed.write_bytes(path.read_bytes())
    network = build_network(known[name], scale)
    for place, text in (
        (path, "says that it is for x2, and it is used at x3"),
        (renamed, "for x2 have the same shapes"),
    ):
        weights = load_state_dict(place, network.module.state_dict())
        fit(network, scale, weights.state, place, known)
        (doubt,) = doubts_about_scale(weights, place, name, scale, known)
        assert text in doubt


def test_official_weights_of_other_shapes_do_not_fit_another_scale(catalog, shared, tmp_path):
    path = shared("weights/pan/PANx4_DF2K.pth")
    network = build_network(catalog.architectures["pan"], 2)
    text = fault(network, load_state_dict(path, network.module.state_dict()).state, catalog, tmp_path)
    assert text.endswith("These weights fit pan at x4; use that.")
