"""Every bundled network as an ONNX file: onnxruntime gives what PyTorch gives."""

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.networks.network import Network, build_network
from srbench.profiling.backends import Backend, prepare
from srbench.testing import photograph

QUICK = ("espcn", "fsrcnn_s", "srcnn", "ncnet")


class AsCalled(torch.nn.Module):
    """A network as srbench calls it, its value range and padding included."""

    def __init__(self, network: Network, scale: int) -> None:
        super().__init__()
        self.network, self.module, self.scale = network, network.module, scale

    def forward(self, lr):
        return self.network(lr, self.scale)


def networks():
    shelf = load_catalog().architectures
    names = [name for name in shelf if shelf[name].trainable and not name.startswith("spandrel_")]
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", networks())
def test_onnxruntime_gives_what_pytorch_gives(name):
    spec = load_catalog().architectures[name]
    scale = min(spec.scales)
    torch.manual_seed(0)
    network = AsCalled(build_network(spec, scale), scale).eval()
    side = max(16, spec.min_size)
    lr = photograph(1, spec.colours, side, side + 3)
    run = prepare(network, Backend("onnxruntime"), lr)
    with torch.no_grad():
        assert torch.allclose(run(lr), network(lr), atol=2e-4)
