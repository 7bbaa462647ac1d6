"""Networks in their deployed form give the results of their trained form, with less work."""

import copy
import dataclasses

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from srbench.catalog.catalog import load_catalog
from srbench.networks.deployed import deployed, deployed_module
from srbench.networks.network import Network
from srbench.networks.recognition.recogniser import build_recogniser
from srbench.networks.spec import ArchitectureSpec
from srbench.testing.network import DEPLOYED_TOLERANCE


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


def trained(spec, scale=2):
    """Build a network whose biases, gains and statistics are not those that it starts with."""
    torch.manual_seed(0)
    network = build_recogniser(spec, 0) if spec.task == "recognition" else Network(spec, spec.network(scale))
    with torch.no_grad():
        for name, value in (*network.module.named_parameters(), *network.module.named_buffers()):
            if value.ndim == 1 and value.is_floating_point():
                value.add_(torch.rand_like(value) if name.endswith("running_var") else 0.1 * torch.randn_like(value))
    network.module.eval()
    return network


WITH_A_FORM = (
    "a2n_m", "bsrn", "carn_m", "dwsr_small", "edsr_small", "edsr_small_adadm", "ghostsr_edsr_b16f64", "kdsr_small",
    "kdsr_small_constant", "mdsr_baseline", "rcan_small", "rrdbnet_small", "spandrel_span", "udl_edsr_small",
    "cbam_small", "resnet_small", "iresnet18_cbam",
    # composed of others or changed
    "ghost:edsr_small", "ikm:edsr_small", "freqnet_on:edsr_small", "liif:edsr_small",
)  # fmt: skip


@pytest.mark.parametrize("name", WITH_A_FORM)
@pytest.mark.parametrize("precision", [torch.float64, torch.float32])
@torch.no_grad()
def test_it_gives_the_same_but_for_rounding_also_at_borders(name, precision, catalog):
    if name.startswith("spandrel"):
        pytest.importorskip("spandrel")
    network = trained(catalog.networks[name])
    module = copy.deepcopy(network.module).to(precision)
    network = dataclasses.replace(network, module=module)
    folded = deployed(network)
    images = torch.rand(2, 3, 17, 19, dtype=precision)
    wanted, before = network(images, 2), copy.deepcopy(module.state_dict())
    largest = max(1.0, wanted.abs().max().item())
    torch.testing.assert_close(folded(images, 2), wanted, rtol=0, atol=DEPLOYED_TOLERANCE[precision] * largest)
    assert any(hasattr(part, "switch_to_deploy") for part in module.modules())
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items()), "a copy is folded"


@pytest.mark.parametrize("name", ["a2n", "spandrel_span"])
@torch.no_grad()
def test_forms_that_only_join_or_keep_give_the_same_bits(name, catalog):
    if name.startswith("spandrel"):
        pytest.importorskip("spandrel")
    network, lr = trained(catalog.networks[name]), torch.rand(1, 3, 16, 16)
    assert torch.equal(deployed(network)(lr, 2), network(lr, 2))


class Watch(TorchDispatchMode):
    """Lists the operators that run."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def operators(module, lr):
    with torch.no_grad(), Watch() as watch:
        module(lr)
    return watch.names


@pytest.mark.parametrize(
    ("name", "gone"),
    [("edsr_small", "addcmul"), ("resnet_small", "batch_norm")],
)
def test_what_is_folded_is_not_computed_any_more(name, gone, catalog):
    network = trained(catalog.networks[name])
    lr = torch.rand(1, 3, 16, 16)
    before, after = operators(network.module, lr), operators(deployed(network).module, lr)
    assert sum(gone in one for one in after) < sum(gone in one for one in before)
    assert len(after) < len(before)


class Branches(nn.Module):
    """Two parallel convolutions that fold into one, and a constant that a part of it folds."""

    def __init__(self):
        super().__init__()
        self.wide, self.point = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)
        self.calls = 0

    def forward(self, x):
        return self.wide(x) + (self.point(x) if hasattr(self, "point") else 0)

    def switch_to_deploy(self):
        self.calls += 1
        with torch.no_grad():
            self.wide.weight[..., 1:2, 1:2] += self.point.weight
            self.wide.bias += self.point.bias
        del self.point


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = self.second = Branches()

    def forward(self, x):
        return self.second(self.first(x))


def test_a_module_with_two_names_is_folded_once():
    network = Network(ArchitectureSpec(name="shared", build=lambda _: Shared(), scales=frozenset({1})), Shared())
    folded, lr = deployed(network), torch.rand(1, 3, 8, 8)
    assert folded.module.first is folded.module.second
    assert folded.module.first.calls == 1
    torch.testing.assert_close(folded(lr, 1), network(lr, 1))


def test_a_network_without_such_a_form_is_copied_and_put_in_eval_mode():
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Dropout())
    copied = deployed_module(module)
    assert module.training
    assert not copied.training
    assert copied[0].weight is not module[0].weight
    assert torch.equal(copied[0].weight, module[0].weight)
