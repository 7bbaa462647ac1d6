"""What MDSR, RCAN, SAN and HAN must do alike, shown with shallow ones: they are used, exported and trained as any."""

import copy
import dataclasses
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import han, mdsr, rcan, san

from srbench.networks.network import Network
from srbench.testing import photograph, violations_of

SIZES = {"n_feats": 16, "reduction": 4}
SHALLOW = {
    "mdsr": (mdsr, partial(mdsr.MDSR, n_resblocks=2, n_feats=16), ("body.0", "body.1")),
    "rcan": (rcan, partial(rcan.RCAN, n_resgroups=2, n_resblocks=1, **SIZES), ("body.0", "body.2")),
    "san": (san, partial(san.SAN, n_resgroups=2, n_resblocks=1, **SIZES), ("RG.0", "RG.1")),
    "han": (han, partial(han.HAN, n_resgroups=3, n_resblocks=1, **SIZES), ("body.0", "body.3")),
}


def shallow(name):
    module, build, taps = SHALLOW[name]
    spec = next(spec for spec in module.register_architectures() if spec.name == name)
    return dataclasses.replace(spec, build=build, taps=taps)


def attentive(name):
    """A network whose gates are open: fresh ones start at zero and would hide what they gate."""
    torch.manual_seed(0)
    network = Network(shallow(name), shallow(name).network(2).eval())
    with torch.no_grad():
        for key, parameter in network.module.named_parameters():
            if key.endswith("gamma"):
                parameter.fill_(0.1)
            if ".W." in key:
                parameter.normal_(std=0.1)
    return network


@pytest.mark.parametrize("name", SHALLOW)
def test_it_keeps_the_contract_of_an_architecture(name):
    assert violations_of(shallow(name)) == []


@pytest.mark.parametrize("name", ["rcan", pytest.param("san", marks=pytest.mark.slow), "han"])
def test_one_export_serves_every_size_from_8_and_every_batch(name):
    network = attentive(name).module
    sides = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    lr = photograph(2, 3, 9, 13) * 255
    exported = torch.export.export(network, (lr,), dynamic_shapes=(sides,)).module()
    for count, height, width in ((1, 8, 9), (3, 21, 10), (1, 9, 1003)):
        lr = photograph(count, 3, height, width) * 255
        with torch.no_grad():
            assert torch.allclose(exported(lr), network(lr), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHALLOW)
def test_compiled_whole_it_gives_the_same(name):
    network = attentive(name)
    lr = photograph(1, 3, 12, 10)
    compiled = Network(network.spec, torch.compile(network.module, fullgraph=True))
    with torch.no_grad():
        assert torch.allclose(compiled(lr, 2), network(lr, 2), atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", SHALLOW)
def test_converted_to_half_precision_it_stays_close(name, dtype):
    """Autocast is the contract's; here the weights themselves are halves."""
    network = attentive(name)
    lr = photograph(2, 3, 12, 10)
    half = Network(network.spec, copy.deepcopy(network.module).to(dtype))
    with torch.no_grad():
        error = half(lr.to(dtype), 2).float() - network(lr, 2)
    assert error.square().mean().sqrt() < 0.02


@pytest.mark.parametrize("name", SHALLOW)
def test_it_is_within_rounding_of_double_precision(name):
    network = attentive(name)
    lr = photograph(2, 3, 12, 10)
    wide = Network(network.spec, copy.deepcopy(network.module).double())
    with torch.no_grad():
        assert torch.allclose(wide(lr.double(), 2).float(), network(lr, 2), atol=1e-5)


@pytest.mark.parametrize("name", SHALLOW)
def test_its_loss_falls(name):
    torch.manual_seed(0)
    network = Network(shallow(name), shallow(name).network(2).train())
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


@pytest.mark.parametrize("name", SHALLOW)
def test_every_published_score_is_told_apart_by_dataset_scale_and_metric(name):
    reported = shallow(name).reported
    assert len({(r.dataset, r.scale, r.metric) for r in reported}) == len(reported) >= 24
    assert all(r.source for r in reported)
