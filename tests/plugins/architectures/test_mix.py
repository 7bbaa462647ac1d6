"""A mixture has weights between those of two trainings, and at its ends those of either to the bit."""

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.errors import CheckpointError, SrbenchError, UnknownNameError
from srbench.networks.network import build_network
from srbench.testing import photograph, violations_of

PAIR = "rrdbnet_small+rrdbnet_small@esrgan"


@pytest.fixture(scope="module")
def shelf():
    return load_catalog(strict=True).architectures


def ends(shelf, scale=2):
    torch.manual_seed(0)
    return [build_network(shelf["rrdbnet_small"], scale) for _ in range(2)]


def mixed(shelf, share, parts):
    spec = shelf[f"mix:{share}:{PAIR}"]
    return spec.compose(spec, parts)


@pytest.mark.parametrize(("share", "end"), [("0", 0), ("1", 1), ("0.0", 0), ("1.0", 1)])
def test_its_ends_are_either_to_the_bit(share, end, shelf):
    parts = ends(shelf)
    with torch.no_grad():
        parts[end].module.conv_hr.bias[:2] = torch.tensor([-0.0, 0.0])
    network = mixed(shelf, share, parts)
    for key, weight in parts[end].module.state_dict().items():
        found = network.module.state_dict()[key]
        assert torch.equal(found.view(torch.int32), weight.view(torch.int32))
    lr = photograph(1, 3, 9, 8)
    with torch.no_grad():
        assert torch.equal(network(lr, 2), parts[end](lr, 2))


def test_between_them_every_weight_is_the_weighted_mean(shelf):
    parts = ends(shelf)
    states = [part.module.state_dict() for part in parts]
    before = [{key: weight.clone() for key, weight in state.items()} for state in states]
    found = mixed(shelf, 0.8, parts).module.state_dict()
    for key, weight in found.items():
        torch.testing.assert_close(weight, 0.2 * states[0][key] + 0.8 * states[1][key])
    for state, copied in zip(states, before, strict=True):
        assert all(torch.equal(weight, copied[key]) for key, weight in state.items())


def test_its_spec_names_both_models_and_is_called_like_their_network(shelf):
    spec, own = shelf[f"mix:0.8:{PAIR}"], shelf["rrdbnet_small"]
    assert spec.parts == ("rrdbnet_small", "rrdbnet_small@esrgan")
    assert spec.label == "0.2 rrdbnet_small + 0.8 rrdbnet_small@esrgan"
    assert (spec.scales, spec.input_range, spec.reported) == (own.scales, own.input_range, ())
    other = shelf["mix:0.8:edsr_small+edsr_small@esrgan_with:alexnet"]
    assert other.parts == ("edsr_small", "edsr_small@esrgan_with:alexnet")
    assert shelf["mix:0.5:imdn.div2k+imdn"].scales == shelf["imdn"].scales


def test_its_network_keeps_the_contract_of_an_architecture(shelf):
    assert violations_of(shelf[f"mix:0.3:{PAIR}"]) == []


def test_two_files_are_mixed(shelf, tmp_path):
    spandrel = pytest.importorskip("spandrel")
    names = []
    for seed in range(2):
        torch.manual_seed(seed)
        network = spandrel.architectures.ESRGAN.ESRGAN(num_filters=8, num_blocks=1)
        torch.save(network.state_dict(), tmp_path / f"{seed}.pth")
        names.append(f"spandrel:{tmp_path / f'{seed}.pth'}")
    spec = shelf[f"mix:0.25:{'+'.join(names)}"]
    assert spec.parts == tuple(names)
    parts = [build_network(shelf[name], 4) for name in names]
    found = spec.compose(spec, parts).module.state_dict()
    for key, weight in found.items():
        one, other = (part.module.state_dict()[key] for part in parts)
        torch.testing.assert_close(weight, 0.75 * one + 0.25 * other)


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("rrdbnet_small", "is not a mixture of two models; write mix:SHARE:FIRST+SECOND"),
        ("0.5:rrdbnet_small", "is not a mixture of two models"),
        ("1.2:rrdbnet_small+rrdbnet_small@esrgan", "with a share from 0 to 1, such as mix:0.8:rrdbnet_small"),
        ("nan:rrdbnet_small+rrdbnet_small@esrgan", "with a share from 0 to 1"),
        ("0.5:edsr_small+edsr_small", "names one model twice"),
        ("0.5:edsr_small+edsr_medium", "cannot mix edsr_small and edsr_medium, since their weights have other"),
        ("0.5:edsr_small+rrdbnet_small", "since they differ in input_range; name two trainings of one network"),
        ("0.5:ncnet+mdsr_baseline", "cannot mix ncnet and mdsr_baseline, since"),
    ],
)
def test_what_cannot_be_mixed_is_refused_in_a_sentence(argument, reason, shelf):
    with pytest.raises(SrbenchError) as caught:
        shelf[f"mix:{argument}"]
    assert reason in str(caught.value)


def test_an_unknown_network_is_refused_with_the_nearest(shelf):
    with pytest.raises(UnknownNameError, match=r"Did you mean rrdbnet_small\?"):
        shelf["mix:0.5:rrdbnet_smal+rrdbnet_small@esrgan"]


def test_weights_that_do_not_fit_each_other_are_refused_in_a_sentence(shelf):
    first, _ = ends(shelf)
    other = build_network(shelf["rrdbnet_small"], 4)
    with pytest.raises(CheckpointError, match=r"rrdbnet_small and rrdbnet_small@esrgan cannot be averaged: conv_first"):
        mixed(shelf, 0.5, [first, other])
