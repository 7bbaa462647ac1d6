"""What EMSRDPN and HSRNet must do alike, shown with shallow ones: they are used, exported and trained as any."""

import copy
import dataclasses
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import emsrdpn, hsrnet

from srbench.networks.network import Network
from srbench.profiling.backends import parse_backend, prepare
from srbench.testing import photograph, violations_of

DUAL = {"residual": 8, "dense": 6, "growth": 4, "blocks": 2, "units": 2}
SHALLOW = {
    "emsrdpn_a": (emsrdpn, partial(emsrdpn.EMSRDPN, **DUAL), ("SRDPBs.0", "SRDPBs.1")),
    "emsrdpn_b": (emsrdpn, partial(emsrdpn.single, **DUAL | {"dense": 0, "growth": 0}), ("SRDPBs.1",)),
    "emsrdpn_c": (emsrdpn, partial(emsrdpn.single, **DUAL | {"residual": 0}), ("SRDPBs.1",)),
    "hsrnet": (hsrnet, partial(hsrnet.HSRNet, channels=16, stages=2, iterations=2), ("body.0", "body.1")),
}


DIFFERENT = [
    "emsrdpn_a",
    "hsrnet",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("emsrdpn_b", "emsrdpn_c")),
]
"""For what takes longer: the ablations are nearly the first."""


def shallow(name):
    module, build, taps = SHALLOW[name]
    spec = next(spec for spec in module.register_architectures() if spec.name == name)
    return dataclasses.replace(spec, build=build, taps=taps)


def fresh(name):
    torch.manual_seed(0)
    return Network(shallow(name), shallow(name).network(2).eval())


@pytest.mark.parametrize("name", SHALLOW)
def test_it_keeps_the_contract_of_an_architecture(name):
    assert violations_of(shallow(name)) == []


@pytest.mark.parametrize("name", DIFFERENT)
def test_one_export_serves_every_size_and_every_batch(name):
    network = fresh(name).module
    sides = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    exported = torch.export.export(network, (photograph(2, 3, 9, 13) * 255,), dynamic_shapes=(sides,)).module()
    for count, height, width in ((1, 4, 5), (3, 21, 10), (1, 9, 603)):
        lr = photograph(count, 3, height, width) * 255
        with torch.no_grad():
            assert torch.allclose(exported(lr), network(lr), atol=1e-3)


@pytest.mark.slow  # importing the exporter alone takes ten seconds
@pytest.mark.parametrize("name", SHALLOW)
def test_onnxruntime_gives_the_same(name):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network, lr = fresh(name).module, photograph(1, 3, 12, 11) * 255
    with torch.no_grad():
        assert torch.allclose(prepare(network, parse_backend("onnxruntime"), lr)(lr), network(lr), atol=1e-3)


@pytest.mark.slow  # compiles C++
@pytest.mark.parametrize("name", SHALLOW)
def test_compiled_whole_it_gives_the_same(name):
    network, lr = fresh(name), photograph(1, 3, 12, 10)
    compiled = Network(network.spec, torch.compile(network.module, fullgraph=True))
    with torch.no_grad():
        assert torch.allclose(compiled(lr, 2), network(lr, 2), atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", SHALLOW)
def test_converted_to_half_precision_it_stays_close(name, dtype):
    """Autocast is the contract's; here the weights themselves are halves."""
    network, lr = fresh(name), photograph(2, 3, 12, 10)
    half = Network(network.spec, copy.deepcopy(network.module).to(dtype))
    with torch.no_grad():
        error = half(lr.to(dtype), 2).float() - network(lr, 2)
    assert error.square().mean().sqrt() < 0.02


@pytest.mark.parametrize("name", SHALLOW)
def test_it_is_within_rounding_of_double_precision(name):
    network, lr = fresh(name), photograph(2, 3, 12, 10)
    wide = Network(network.spec, copy.deepcopy(network.module).double())
    with torch.no_grad():
        assert torch.allclose(wide(lr.double(), 2).float(), network(lr, 2), atol=1e-5)


@pytest.mark.parametrize("name", SHALLOW)
def test_memory_by_pixels_gives_the_same(name):
    network, lr = fresh(name), photograph(2, 3, 12, 10)
    by_pixels = Network(network.spec, copy.deepcopy(network.module).to(memory_format=torch.channels_last))
    with torch.no_grad():
        sr = by_pixels(lr.contiguous(memory_format=torch.channels_last), 2)
        assert torch.allclose(sr, network(lr, 2), atol=1e-5)


@pytest.mark.parametrize("name", DIFFERENT)
def test_its_loss_falls(name):
    network = fresh(name)
    network.module.train()
    adam = torch.optim.Adam(network.module.parameters(), lr=2e-3)
    hr = photograph(4, 3, 32, 32)
    lr = torch.nn.functional.avg_pool2d(hr, 2)
    losses = []
    for _ in range(40):
        loss = (network(lr, 2) - hr).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
