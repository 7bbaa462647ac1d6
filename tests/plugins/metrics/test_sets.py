"""FID and KID: their networks, and why they can be missing; distances are checked in tests/measuring/metrics."""

import sys
import warnings

import pytest
import torch
from srbench_plugins.metrics import sets

from srbench.errors import ShapeError, UnavailableError
from srbench.measuring.metrics.sets import frechet_distance, kernel_distance
from srbench.networks.inception import FILE, find_inception

CPU = torch.device("cpu")
SPECS = {spec.name: spec for spec in sets.register_metrics()}


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    for name in ("SRBENCH_WEIGHTS", "SRBENCH_CACHE", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def test_the_version_is_the_hash_of_the_weights():
    found = {name: (spec.version, spec.score) for name, spec in SPECS.items()}
    assert found == {
        "fid": ("6726825d", frechet_distance), "kid": ("6726825d", kernel_distance),
        "fid_alexnet": ("7be5be79", frechet_distance), "kid_alexnet": ("7be5be79", kernel_distance),
    }  # fmt: skip


@pytest.mark.parametrize("name", SPECS)
def test_without_weights_there_is_a_reason(name, nowhere):
    with pytest.raises(UnavailableError) as raised:
        SPECS[name].load(CPU)
    assert SPECS[name].unavailable() == str(raised.value)


def test_damaged_weights_are_refused(nowhere):
    (nowhere / FILE).write_bytes(b"not these")
    with pytest.raises(UnavailableError, match="is damaged: its sha256 does not start with 6726825d"):
        find_inception()


def test_inception_is_the_variant_of_fid(monkeypatch):
    """With the same random weights it has the features of pyiqa's own, for an image that needs no resize."""
    inception = pytest.importorskip("pyiqa.archs.inception", reason="the extra `perceptual` is not installed")
    torch.manual_seed(0)
    warnings.simplefilter("ignore", UserWarning)  # pyiqa calls torchvision by a deprecated argument
    own = sets.InceptionFeatures().eval()
    state = {name: value for name, value in own.net.state_dict().items() if not name.startswith("fc")}
    monkeypatch.setattr(inception, "load_pretrained_network", lambda net, url: net.load_state_dict(state, strict=False))
    official = inception.InceptionV3([3]).eval()
    image = torch.rand(1, 3, 299, 299)
    with torch.no_grad():
        found, expected = own(image), official((image * 255 - 128) / 128)[0].flatten(1)
    assert found.shape == (1, 2048)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_without_the_package_there_is_a_reason(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa.archs", None)
    with pytest.raises(UnavailableError, match="needs the package pyiqa"):
        sets.InceptionFeatures()


def test_alexnet_is_that_of_lpips(shared, monkeypatch, tmp_path):
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(shared("weights")))
    network = SPECS["fid_alexnet"].load(CPU)
    image = torch.rand(2, 3, 64, 80)
    found = network(image)
    assert found.shape == (2, 256)
    assert found.min() >= 0
    assert torch.allclose(network(image[:1]), found[:1], atol=1e-5)
    with pytest.raises(ShapeError, match="at least 64 pixels a side"):
        network(torch.rand(1, 3, 63, 80))
