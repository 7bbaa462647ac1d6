"""What a file of weights holds, and what it is for, is named."""

import pytest
import torch

from srbench.diagnosing.weights import diagnose_weights
from srbench.errors import CheckpointError
from srbench.networks.network import build_network


@pytest.fixture
def state(catalog):
    """Fresh weights of ESPCN at x3."""
    return build_network(catalog.architectures["espcn"], 3).module.state_dict()


def saved(tmp_path, content, name="net.pth"):
    torch.save(content, tmp_path / name)
    return tmp_path / name


def test_the_network_is_found_by_shapes_within_what_a_script_wrapped_around_it(state, tmp_path, catalog):
    wrapped = {"params_ema": {f"module.{key}": tensor for key, tensor in state.items()}, "epoch": 3}
    found = diagnose_weights(saved(tmp_path, wrapped, "espcn_x3.pth"), catalog)
    (network,) = found.networks
    assert (network.architecture, network.scale) == ("espcn", 3)
    assert found.scale == 3
    assert found.tensors == len(state)
    assert found.parameters == sum(tensor.numel() for tensor in state.values())
    assert found.types == ("float32",)
    assert found.read.startswith("params_ema")
    assert not found.published


def test_weights_that_restore_nothing_are_doubted(state, tmp_path, catalog):
    found = diagnose_weights(saved(tmp_path, state), catalog)
    assert "On a photograph, these weights of espcn give " in found.networks[0].doubts[0]
    assert not found.right


def test_a_published_file_is_recognised_and_not_doubted(shared, catalog):
    found = diagnose_weights(shared("weights/pan/PANx4_DF2K.pth"), catalog)
    assert found.published == ("pan.df2k",)
    assert [(one.architecture, one.scale, one.doubts) for one in found.networks] == [("pan", 4, ())]
    assert found.right


def test_broken_and_foreign_weights_are_named(state, tmp_path, catalog):
    broken = {key: tensor.clone() for key, tensor in state.items()}
    broken[next(iter(broken))].view(-1)[0] = float("nan")
    found = diagnose_weights(saved(tmp_path, broken), catalog)
    assert found.problems == (f"NaN or infinity in {next(iter(broken))}: the training diverged.",)
    found = diagnose_weights(saved(tmp_path, {"a.weight": torch.zeros(3, 5), "b.bias": torch.zeros(7)}), catalog)
    assert found.problems == ("Every value is zero.",)
    assert not found.networks
    assert list(found.sentences())[-1].startswith("No architecture was found that it fits")


def test_a_pickle_is_refused_with_what_it_holds(shared, catalog):
    with pytest.raises(CheckpointError, match="pickled Python objects"):
        diagnose_weights(shared("weights/refused/pickled_module.pth"), catalog)
