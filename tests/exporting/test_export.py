"""A network by any name becomes a file, whole or not at all."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

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
