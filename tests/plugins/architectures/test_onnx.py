"""Every bundled network as an ONNX file: onnxruntime gives what PyTorch gives."""

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.deploying.backend import Backend
from srbench.deploying.onnx_files import write_onnx
from srbench.deploying.opening import open_session, plain_module
from srbench.networks.network import build_network
from srbench.testing import photograph

QUICK = ("espcn", "ncnet")


def networks():
    shelf = load_catalog().architectures
    names = [name for name in shelf if shelf[name].trainable and not name.startswith("spandrel_")]
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", networks())
def test_onnxruntime_gives_what_pytorch_gives(name, tmp_path):
    catalog = load_catalog()
    spec = catalog.architectures[name]
    scale = min(spec.scales)
    torch.manual_seed(0)
    module = plain_module(build_network(spec, scale), scale)
    side, path = max(16, spec.min_size, spec.size_multiple), tmp_path / "network.onnx"
    write_onnx(module, photograph(1, spec.colours, side, side), "fp32", path)
    for size in ((side, side + 3), (side + 5, side)):
        lr = photograph(1, spec.colours, *size)
        session = open_session(module, Backend("onnxruntime"), catalog.runtimes["onnxruntime"], lr, tmp_path, path)
        with torch.no_grad():
            assert torch.allclose(session(lr), module(lr), atol=2e-4)
