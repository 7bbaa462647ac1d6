"""Every bundled plugin keeps the contract of its kind."""

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.catalog.kinds import KINDS
from srbench.errors import UnavailableError
from srbench.testing import violations_of


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tensors of a few pixels gain nothing from more, and wait for them where cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def catalog():
    return load_catalog(strict=True)


# Deep networks, of up to 43 M parameters: the tests of their files do the same with shallow ones of the same code.
SLOW = {
    "rdn",
    "rdn_a",
    "edsr",
    "mdsr",
    "rcan",
    "san",
    "han",
    "ghostsr_edsr",
    "carn",
    "rrdbnet",
    "a2n",
    "bsrn",
    "comonet_l",
    "comonet_s",
    "emsrdpn_a",
    "emsrdpn_b",
    "emsrdpn_c",
    "hsrnet",
    "uhdn",
    "uhdn_ikm",
    "mdsr_baseline",
    "swinir_light",
    "swinfir_t",
    "swinir_m",
    "swinfir",
    "kdsr_m",
    "kdsr_l",
    "kdsr_gan",
    "hpinet_s",
    "hpinet_m",
    "hpinet_l",
    "mwcnn",
    "mwcnn_v1",
    "edsr_adadm",
    "dip",
    "dip_x8",
    "sr3_16_128",
    "sr3_64_512",
    "iresnet18_cbam",
    "iresnet34_cbam",
    "iresnet50_cbam",
    "ray",  # a cluster starts in half a minute
}
QUICK = {"spandrel_safmn", "spandrel_plksr_tiny"}  # of spandrel's networks


def is_slow(name):
    return name in SLOW or (name.startswith("spandrel_") and name not in QUICK)


def names():
    bundled = load_catalog()
    return [
        pytest.param(kind, name, marks=pytest.mark.slow if is_slow(name) else ())
        for kind in KINDS
        for name in bundled.shelf(kind)
    ]


@pytest.mark.parametrize(("kind", "name"), names())
def test_it_keeps_its_contract(kind, name, catalog):
    try:
        assert violations_of(catalog.shelf(kind)[name], catalog) == []
    except UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_bundled_plugins(kind, catalog):
    assert len(catalog.shelf(kind)) >= 2
