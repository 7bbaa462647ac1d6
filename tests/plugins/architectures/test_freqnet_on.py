"""FreqNet on top of another network: a convex mix of luma coefficients, chroma untouched."""

import pytest
import torch
from srbench_plugins.architectures import freqnet_on
from srbench_plugins.architectures.freqnet import BlockDCT

from helpers.rounding import assert_equal_but_for_rounding
from srbench.errors import SrbenchError
from srbench.imaging import rgb_to_ycbcr
from srbench.networks.network import Network
from srbench.testing import photograph, violations_of

LOGIT = 20.0
"""Beyond which a share is all or nothing in float32."""
ROUNDINGS = 1024
"""The rounding of two colour conversions and two transforms, there and back."""


def merged(catalog, name, share=None, scale=2):
    torch.manual_seed(0)
    spec = catalog.architectures[f"freqnet_on:{name}"]
    network = Network(spec, spec.network(scale).eval())
    for merge in network.module.merge.values():
        torch.nn.init.normal_(merge.freqnet.tail.weight, std=0.02)
        if share is not None:
            torch.nn.init.constant_(merge.logit, share)
    return network


def below(catalog, name, network):
    return Network(catalog.architectures[name], network.module.network)


@pytest.mark.parametrize("name", ["dot", "both"])
def test_on_any_network_it_keeps_the_contract(name, catalog):
    assert violations_of(catalog.architectures[f"freqnet_on:{name}"]) == []


@pytest.mark.parametrize("name", ["edsr_small", "vdsr", "comonet_s"])
def test_without_a_share_the_network_below_is_all(name, catalog):
    network, lr = merged(catalog, name, -100.0), photograph(1, 3, 16, 24)
    with torch.no_grad():
        assert_equal_but_for_rounding(network(lr, 2), below(catalog, name, network)(lr, 2))


@pytest.mark.parametrize("name", ["edsr_small", "espcn", "vdsr"])
def test_with_every_share_luma_is_freqnets_and_chroma_that_of_the_network_below(name, catalog):
    network, lr = merged(catalog, name, LOGIT), photograph(1, 3, 16, 24)
    with torch.no_grad():
        sr = rgb_to_ycbcr(network(lr, 2))
        own = network.module.merge["2"].freqnet(rgb_to_ycbcr(lr)[:, :1])
        theirs = rgb_to_ycbcr(below(catalog, name, network)(lr, 2))
    assert_equal_but_for_rounding(sr[:, :1], own, ROUNDINGS)
    assert_equal_but_for_rounding(sr[:, 1:], theirs[:, 1:], ROUNDINGS)


def test_each_coefficient_is_mixed_by_its_own_share(catalog):
    network, lr = merged(catalog, "edsr_small"), photograph(1, 3, 16, 24)
    merge, dct = network.module.merge["2"], BlockDCT(freqnet_on.BLOCK)
    torch.nn.init.normal_(merge.logit)
    with torch.no_grad():
        sr, theirs, own = (
            dct(luma[:, :1])
            for luma in (
                rgb_to_ycbcr(network(lr, 2)),
                rgb_to_ycbcr(below(catalog, "edsr_small", network)(lr, 2)),
                merge.freqnet(rgb_to_ycbcr(lr)[:, :1]),
            )
        )
        share = torch.sigmoid(merge.logit)
    assert_equal_but_for_rounding(sr, theirs + share * (own - theirs), ROUNDINGS)


def test_its_spec_is_that_of_the_network_below_but_for_what_is_its_own(catalog):
    spec, own = catalog.architectures["freqnet_on:mdsr"], catalog.architectures["mdsr"]
    assert spec.reconstruction
    assert spec.taps == tuple(f"network.{tap}" for tap in own.taps)
    assert spec.size_multiple == 8
    assert (spec.scales, spec.multi_scale, spec.channels) == (own.scales, own.multi_scale, own.channels)
    assert not spec.checkpoints
    assert not spec.reported


def test_a_multi_scale_network_gets_a_freqnet_for_each_of_its_scales(catalog):
    spec = catalog.architectures["freqnet_on:vdsr"]
    assert set(spec.network(2).merge) == {"2", "3", "4"}
    assert set(catalog.architectures["freqnet_on:espcn"].network(3).merge) == {"3"}


def test_a_network_for_any_scale_is_refused(catalog):
    with pytest.raises(SrbenchError, match="merges networks at whole scales, and bicubic is for any"):
        catalog.architectures["freqnet_on:bicubic"]
