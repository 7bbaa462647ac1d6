"""openmodeldb:NAME is what the entry describes, checked by its hash."""

import json

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.errors import CheckpointError, UnavailableError
from srbench.files import cache_root, sha256_of

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture
def weights(tmp_path):
    compact = pytest.importorskip("spandrel.architectures.Compact")
    path = tmp_path / "compact.pth"
    torch.save({"params": compact.Compact(num_feat=8, num_conv=2, upscale=2).state_dict()}, path)
    return path


@pytest.fixture
def entry(weights, tmp_path, monkeypatch):
    """Return a function that writes an entry; its weights are in the cache as if they had been downloaded."""
    sha256 = sha256_of(weights)
    place = cache_root() / "hub" / f"{sha256}.pth"
    place.parent.mkdir(parents=True)
    place.write_bytes(weights.read_bytes())

    def write(scale=2, **changes):
        onnx = {"platform": "onnx", "type": "onnx", "sha256": "0" * 64, "urls": ["https://example.invalid/a"]}
        urls = ["https://example.invalid/compact.pth"]
        resource = {"platform": "pytorch", "type": "pth", "size": 1, "sha256": sha256, "urls": urls} | changes
        facts = {"name": "Small", "license": "MIT", "architecture": "compact", "scale": scale}
        path = tmp_path / "2x-small.json"
        path.write_text(json.dumps(facts | {"resources": [onnx, resource]}))
        return path

    return write


def test_an_entry_is_a_network_with_its_name_licence_and_hash(entry, weights):
    spec = load_catalog().architectures[f"openmodeldb:{entry()}"]
    assert (spec.label, spec.license, spec.scales, spec.trainable) == ("Small", "MIT", frozenset({2}), False)
    assert spec.weights_sha256 == sha256_of(weights)
    assert spec.network(2)(torch.rand(1, 3, 8, 8)).shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"scale": 4}, "enlarge by 2, and the entry says 4"),
        ({"sha256": "../../etc/passwd"}, "lists no weights for PyTorch"),
        ({"platform": "ncnn"}, "lists no weights for PyTorch"),
    ],
)
def test_an_entry_that_is_wrong_is_refused(entry, changes, match):
    with pytest.raises(CheckpointError, match=match):
        load_catalog().architectures[f"openmodeldb:{entry(**changes)}"]


def test_names_and_files_that_are_none_are_sentences(tmp_path, monkeypatch):
    shelf = load_catalog().architectures
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(CheckpointError, match="is not a JSON object"):
        shelf[f"openmodeldb:{tmp_path / 'list.json'}"]
    with pytest.raises(CheckpointError, match=r"There is no .*none\.json; give the JSON"):
        shelf["openmodeldb:none.json"]
    with pytest.raises(CheckpointError, match="is not the name of an entry"):
        shelf["openmodeldb:a/b"]

    def offline(urls, sha256, destination, *, progress=True):
        raise UnavailableError(f"{urls[0]} cannot be reached")

    monkeypatch.setattr("srbench.networks.elsewhere.fetch_file", offline)
    with pytest.raises(UnavailableError, match=r"/models/4x-small\.json cannot be reached"):
        shelf["openmodeldb:4x-small"]
