"""spandrel:FILE measures any checkpoint that the package recognises, and says why it will not measure another."""

import pytest
import torch
from safetensors.torch import save_file

from srbench.catalog.catalog import load_catalog
from srbench.errors import CheckpointError
from srbench.networks.network import Network
from srbench.testing import photograph, violations_of


@pytest.fixture(scope="module")
def compact():
    compact_module = pytest.importorskip("spandrel.architectures.Compact")
    torch.manual_seed(0)
    return compact_module.Compact(num_feat=8, num_conv=2, upscale=2).eval()


@pytest.fixture(scope="module")
def shelf():
    return load_catalog().architectures


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"params_ema": s}, lambda s: {"params": s}])
def test_a_recognised_checkpoint_is_a_network_with_its_weights(wrap, compact, shelf, tmp_path):
    path = tmp_path / "compact.pth"
    torch.save(wrap(compact.state_dict()), path)
    spec = shelf[f"spandrel:{path}"]
    assert (spec.scales, spec.trainable, len(spec.extra_hash)) == (frozenset({2}), False, 64)
    assert "RealESRGAN Compact" in spec.label
    lr = photograph(1, 3, 9, 11)
    with torch.no_grad():
        assert torch.equal(Network(spec, spec.network(2))(lr, 2), compact(lr))


def test_it_keeps_the_contract_of_an_architecture(compact, shelf, tmp_path):
    save_file(compact.state_dict(), tmp_path / "compact.safetensors")
    assert violations_of(shelf[f"spandrel:{tmp_path / 'compact.safetensors'}"]) == []


def test_what_the_package_does_not_know_is_refused(shelf, tmp_path):
    torch.save({"mystery": torch.ones(3)}, tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match="does not recognise"):
        shelf[f"spandrel:{tmp_path / 'w.pth'}"]


def test_a_network_that_does_not_enlarge_is_refused(shelf, tmp_path):
    compact_module = pytest.importorskip("spandrel.architectures.Compact")
    network = compact_module.Compact(num_feat=8, num_conv=2, upscale=1)
    torch.save(network.state_dict(), tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match="choose a network that enlarges RGB images"):
        shelf[f"spandrel:{tmp_path / 'w.pth'}"]


def test_a_missing_file_and_a_pickle_are_refused(shelf, tmp_path, shared):
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        shelf[f"spandrel:{tmp_path / 'none.pth'}"]
    with pytest.raises(CheckpointError, match="could run code"):
        shelf[f"spandrel:{shared('weights/refused/pickled_module.pth')}"]
