"""Any convolutional network can be modulated, and keeps its keys."""

import pytest
import torch
from srbench_plugins.architectures.ikm import ModulatedConv2d

from srbench.catalog.catalog import load_catalog
from srbench.errors import SrbenchError
from srbench.testing import photograph, violations_of


@pytest.fixture(scope="module")
def shelf():
    return load_catalog(strict=True).architectures


def test_modulated_by_the_rule_for_any_network_uhdn_is_the_network_of_the_paper(shelf):
    ours, official = shelf["ikm:uhdn"].network(2).eval(), shelf["uhdn_ikm"].network(2).eval()
    official.load_state_dict(ours.state_dict(), strict=True)
    lr = photograph(2, 3, 7, 8) - 0.4
    with torch.no_grad():
        assert torch.equal(ours(lr), official(lr))


@pytest.mark.parametrize(("name", "count"), [("edsr_baseline", 32), ("imdn", 24), ("vdsr", 18), ("rlfn", 18)])
def test_the_body_is_modulated_and_every_weight_kept(name, count, shelf):
    torch.manual_seed(0)
    plain = shelf[name].network(2)
    torch.manual_seed(0)
    modulated = shelf[f"ikm:{name}"].network(2)
    assert sum(isinstance(m, ModulatedConv2d) for m in modulated.modules()) == count
    state = modulated.state_dict()
    assert list(state) == list(plain.state_dict())
    assert all(torch.equal(state[key], tensor) for key, tensor in plain.state_dict().items())


@pytest.mark.parametrize("name", ["edsr_small", "mdsr_baseline"])
def test_a_modulated_network_keeps_the_contract(name, shelf):
    assert violations_of(shelf[f"ikm:{name}"]) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ikm:bicubic", "nothing to modulate"),
        ("ikm:bsrn", "no convolution"),
        ("ikm:uhdn_ikm", "modulated already"),
        ("ikm:comonet_s", "modulated already"),
        ("ikm:edrs_small", "edsr_small"),
    ],
)
def test_what_cannot_be_modulated_is_refused_in_a_sentence(name, reason, shelf):
    with pytest.raises(SrbenchError, match=reason):
        shelf[name].network(2)
