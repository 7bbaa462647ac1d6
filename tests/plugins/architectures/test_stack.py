"""A stack of EDSR's or IMDN's blocks in their arrangement is EDSR or IMDN, and every arrangement keeps the contract."""

import pytest
import torch
from srbench_plugins.architectures import edsr, imdn
from srbench_plugins.architectures.stack import Stack, StackOfBlocks

from helpers.networks import gmacs
from helpers.rounding import assert_equal_but_for_rounding
from srbench.catalog.catalog import load_catalog
from srbench.errors import SrbenchError
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph, violations_of

AS_EDSR = Stack(block="edsr", n_blocks=2, n_feats=8)
AS_IMDN = Stack(block="imdn", n_blocks=2, n_feats=16, fuse="all", tail="direct")


@pytest.fixture(scope="module")
def architectures():
    return load_catalog().architectures


def with_weights_of(stack, other):
    """A stack with the weights of another network, in order."""
    network = StackOfBlocks(2, stack=stack)
    with torch.no_grad():
        for own, given in zip(network.parameters(), other.parameters(), strict=True):
            own.copy_(given)
    return network


@torch.no_grad()
@pytest.mark.parametrize("scale", [2])
def test_with_the_weights_of_edsr_it_is_edsr(scale):
    official = edsr.EDSR(scale, n_resblocks=2, n_feats=8, rgb_range=1.0)
    lr, network = photograph(2, 3, 12, 17), with_weights_of(AS_EDSR, official)
    assert_equal_but_for_rounding(official.add_mean(network(official.sub_mean(lr))), official(lr))


@torch.no_grad()
def test_with_the_weights_of_imdn_it_is_imdn():
    official = imdn.IMDN(2, channels=16, modules=2)
    lr = photograph(2, 3, 12, 17)
    assert_equal_but_for_rounding(with_weights_of(AS_IMDN, official)(lr), official(lr))


def test_its_counts_are_theirs(architectures):
    small, paper = architectures["edsr_small"], architectures["imdn"]
    as_small = architectures["stack:n_blocks=4,n_feats=16"]
    as_paper = architectures["stack:block=imdn,n_blocks=6,n_feats=64,fuse=all,tail=direct"]
    for own, other in ((as_small, small), (as_paper, paper)):
        assert count_parameters(own.network(2)) == count_parameters(other.network(2))
        assert gmacs(own, 2) == gmacs(other, 2)


@pytest.mark.parametrize(
    "name",
    [
        "stack:n_blocks=2,n_feats=6,attention=channel,base=bicubic",
        "stack:n_blocks=3,n_feats=8,attention=pixel,tail=direct,base=nearest,fuse=all",
        "stack:n_blocks=1,n_feats=20,attention=contrast,tail=direct",
        "stack:block=imdn,n_blocks=2,n_feats=20,base=bicubic",
    ],
)
def test_every_arrangement_keeps_the_contract(architectures, name):
    assert violations_of(architectures[name]) == []


@torch.no_grad()
@pytest.mark.parametrize("base", ["nearest", "bicubic"])
def test_without_an_output_sr_is_the_enlarged_lr(base):
    network = StackOfBlocks(2, stack=Stack(n_blocks=1, n_feats=4, tail="direct", base=base))
    for parameter in network.tail.parameters():
        parameter.zero_()
    lr = photograph(1, 3, 8, 9)
    assert torch.equal(network(lr), torch.nn.functional.interpolate(lr, scale_factor=2, mode=base))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("stack:block=imdn,n_feats=18", "split 18 channels into quarters; give a multiple of 4 from 16"),
        ("stack:block=imdn,n_feats=12", "split 12 channels into quarters; give a multiple of 4 from 16"),
        ("stack:block=imdn,attention=pixel", "have their own attention; leave attention at none"),
    ],
)
def test_blocks_that_cannot_be_built_are_refused(architectures, name, sentence):
    with pytest.raises(SrbenchError, match=sentence):
        architectures[name]
