"""A network by any name becomes a file, whole or not at all."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from srbench.catalog.catalog import load_catalog
from srbench.errors import DataError, ExportError, UnknownNameError
from srbench.exporting.export import export
from srbench.files import sha256_of
from srbench.networks.conversion import load_torchscript
from srbench.networks.network import build_network
from srbench.networks.weights import load_state_dict
from srbench.scales import parse_scale


@pytest.fixture
def weights(tmp_path, catalog):
    path = tmp_path / "mine.safetensors"
    save_file(build_network(catalog.architectures["espcn"], 2).module.state_dict(), path)
    return path


def test_weights_are_exported_with_their_facts_and_read_again(tmp_path, catalog, weights):
    exported = export(str(weights), "safetensors", tmp_path / "out.safetensors", catalog, 2, architecture="espcn")
    own, found = load_file(weights), load_state_dict(exported.path).state
    assert own.keys() == found.keys()
    assert all(torch.equal(own[key], found[key]) for key in own)
    with safe_open(exported.path, "pt") as file:
        facts = json.loads(file.metadata()["srbench"])
    assert (facts["architecture"], facts["scale"], facts["channels"]) == ("espcn", 2, "y")
    assert facts["source_sha256"] == sha256_of(weights)
    again = export(str(weights), "safetensors", tmp_path / "again.safetensors", catalog, 2, architecture="espcn")
    assert sha256_of(again.path) == sha256_of(exported.path)


def test_what_is_there_stays_unless_it_is_to_be_overwritten(tmp_path, catalog, weights):
    out = tmp_path / "out.pt"
    out.write_text("mine")
    with pytest.raises(DataError, match=r"out\.pt is there already; give --overwrite"):
        export(str(weights), "torchscript", out, catalog, 2, architecture="espcn")
    assert out.read_text() == "mine"
    export(str(weights), "torchscript", out, catalog, 2, architecture="espcn", overwrite=True)
    assert load_torchscript(out.read_bytes())(torch.zeros(1, 1, 9, 10)).shape == (1, 1, 18, 20)


def test_nothing_is_written_of_a_network_that_is_refused(tmp_path, catalog):
    with pytest.raises(ExportError, match=r"bicubic x1\.5 was not exported as TorchScript"):
        export("bicubic", "torchscript", tmp_path / "out.pt", catalog, parse_scale("1.5"))
    with pytest.raises(ExportError, match="nearest has no weights to export"):
        export("nearest", "safetensors", tmp_path / "out.safetensors", catalog, 2)
    with pytest.raises(UnknownNameError, match="Did you mean torchscript"):
        export("nearest", "torchscrip", tmp_path / "out.pt", catalog, 2)
    assert list(tmp_path.iterdir()) == []


SAMPLED = """
import srbench
from helpers.applied import Gaussian, gaussian_spec, regression_spec
from torch import nn

class Convolved(Gaussian):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3)

@srbench.hookimpl
def register_architectures():
    return [gaussian_spec(Convolved), regression_spec()]
"""


@pytest.fixture
def sampled(tmp_path):
    (tmp_path / "sampled.py").write_text(SAMPLED)
    return load_catalog([tmp_path / "sampled.py"])


def test_programs_of_networks_that_draw_are_refused_and_their_weights_are_not(tmp_path, sampled):
    path, out = tmp_path / "mine.safetensors", tmp_path / "out"
    save_file(build_network(sampled.architectures["gaussian"], 2).module.state_dict(), path)
    for form in ("onnx", "torchscript", "hub-folder"):
        with pytest.raises(ExportError, match=f"gaussian was not exported as {form}: it draws sr step by step"):
            export(str(path), form, out, sampled, 2, architecture="gaussian")
        assert not out.exists()
    exported = export(str(path), "safetensors", out, sampled, 2, architecture="gaussian")
    assert load_state_dict(exported.path).state.keys() == {"shift", "convolution.weight", "convolution.bias"}


def test_a_network_that_is_fitted_has_nothing_to_export(tmp_path, sampled):
    with pytest.raises(ExportError, match="regression was not exported: it is fitted to each image, so it has no"):
        export("regression", "safetensors", tmp_path / "out.safetensors", sampled, 2)
