"""hf:OWNER/NAME is the network that was exported, and changed files are refused."""

import json
import shutil
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from srbench.catalog.catalog import load_catalog
from srbench.errors import CheckpointError, UnavailableError, UnknownNameError
from srbench.files import sha256_of
from srbench.networks.network import Network, build_network
from srbench.testing import violations_of

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture(scope="module")
def shelf():
    return load_catalog().architectures


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that is a folder, with one repository in it."""
    library = pytest.importorskip("huggingface_hub")

    def download(repository, name, *, revision):
        path = tmp_path / "hub" / repository / (revision or "main") / name
        if not path.is_file():
            raise FileNotFoundError(f"no {name} in {repository}")
        return str(path)

    monkeypatch.setattr(library, "hf_hub_download", download)
    return tmp_path / "hub" / "me" / "mine"


@pytest.fixture
def exported(hub, shelf):
    """The main branch of the repository me/mine: ESPCN x2."""
    folder = hub / "main"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    write(folder, build_network(shelf["espcn"], 2).module)
    return folder


def write(folder, network, **config):
    save_file(network.state_dict(), folder / "model.safetensors")
    facts = {"architecture": "espcn", "scale": 2, "srbench": "0.1.0"}
    facts["weights_sha256"] = sha256_of(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(facts | config))


def test_it_is_the_exported_network_with_its_weights(exported, shelf):
    spec = shelf["hf:me/mine"]
    assert (spec.scales, spec.trainable, spec.channels) == (frozenset({2}), False, "y")
    assert spec.weights_sha256 == sha256_of(exported / "model.safetensors")
    own = shelf["espcn"].network(2).eval()
    own.load_state_dict(load_file(exported / "model.safetensors"))
    lr = torch.rand(1, 3, 9, 12)
    with torch.no_grad():
        assert torch.equal(Network(spec, spec.network(2))(lr, 2), Network(shelf["espcn"], own)(lr, 2))
    assert violations_of(spec) == []


def test_a_revision_is_another_network(exported, hub, shelf):
    shutil.copytree(exported, hub / "v2")
    write(hub / "v2", build_network(shelf["espcn"], 3).module, scale=3)
    assert shelf["hf:me/mine@v2"].scales == {3}
    assert shelf["hf:me/mine"].scales == {2}


def test_weights_that_changed_since_the_first_use_are_refused(exported, shelf):
    first = load_catalog().architectures["hf:me/mine"]
    write(exported, build_network(shelf["espcn"], 2).module)
    assert sha256_of(exported / "model.safetensors") != first.weights_sha256
    with pytest.raises(CheckpointError, match=r"me/mine@main/config.json has changed since its first use"):
        load_catalog().architectures["hf:me/mine"]


def test_what_is_not_an_export_is_refused(exported, hub):
    def refused(match, error=CheckpointError, name="hf:me/mine"):
        with pytest.raises(error, match=match):
            load_catalog().architectures[name]

    refused(r"model.safetensors|config.json of hf:me/other could not be downloaded", UnavailableError, "hf:me/other")
    for revision, config, match, error in (
        ("a", {"weights_sha256": "0" * 64}, "is not the file that its config.json names", CheckpointError),
        ("b", {"architecture": "no_such"}, "No architecture named 'no_such'", UnknownNameError),
    ):
        shutil.copytree(exported, hub / revision)
        facts = json.loads((exported / "config.json").read_text()) | config
        (hub / revision / "config.json").write_text(json.dumps(facts))
        refused(match, error, f"hf:me/mine@{revision}")
    for revision, text in (("c", "{}"), ("d", "[]"), ("e", "<html>")):
        (hub / revision).mkdir()
        (hub / revision / "config.json").write_text(text)
        refused("does not say architecture, so that srbench did not export it", name=f"hf:me/mine@{revision}")


def test_without_the_package_it_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UnavailableError, match=r"hf:me/mine needs the package huggingface_hub; install srbench\[hub\]"):
        load_catalog().architectures["hf:me/mine"]
