"""Shapes of known networks are kept in the cache, so that advice builds each network once."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from srbench.catalog.catalog import load_catalog
from srbench.files import cache_root
from srbench.networks.shapes import scales_of, shapes_of, stored_shapes

pytestmark = pytest.mark.usefixtures("empty_cache")


class Known(dict):
    """Some architectures, whose code has a hash."""

    code = "1"

    def code_hash(self, name):
        return self.code


@pytest.fixture
def known():
    built = []

    def counted(spec):
        return replace(spec, build=lambda *scale: built.append(spec.name) or spec.build(*scale))

    catalog = load_catalog().architectures
    made = Known({name: counted(catalog[name]) for name in ("espcn", "fsrcnn_s")})
    made.built = built
    return made


def test_a_network_is_built_once(known):
    first = shapes_of(known, "espcn", 2)
    assert first == {key: tuple(w.shape) for key, w in known["espcn"].network(2).state_dict().items()}
    known.built.clear()
    assert shapes_of(known, "espcn", 2) == first
    assert stored_shapes(known, "espcn", 2) == first
    assert stored_shapes(known, "espcn", 3) is None
    assert known.built == []


def test_it_is_built_again_when_its_code_changes_or_the_cache_is_damaged(known):
    first = shapes_of(known, "espcn", 2)
    for content in (b"", b"[]", b'{"a": 1}', b'{"a": ["b"]}'):
        for file in (cache_root() / "shapes").iterdir():
            file.write_bytes(content)
        assert shapes_of(known, "espcn", 2) == first
    known.code = "2"
    known.built.clear()
    assert shapes_of(known, "espcn", 2) == first
    assert known.built == ["espcn"]


def test_a_network_that_cannot_be_built_has_no_shapes(known):
    known["espcn"] = replace(known["espcn"], build=lambda scale: None.missing)
    assert shapes_of(known, "espcn", 2) == {}


@pytest.mark.parametrize("name", ["edsr_small", "fsrcnn_s", "vdsr", "swinir_small", "comonet_s"])
def test_shapes_are_those_of_the_network_without_drawing_or_importing_the_compiler(name):
    known = load_catalog().architectures
    scale = scales_of(known[name])[-1]
    torch.manual_seed(0)
    found = shapes_of(known, name, scale)
    drawn = torch.rand(3)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(0)))
    module = known[name].network(max(known[name].scales))
    assert found == {key: tuple(weight.shape) for key, weight in module.state_dict().items()}


def test_building_for_shapes_takes_no_memory_for_weights():
    class Large(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2**16, 2**16, 3)
            self.drawn = nn.Parameter(torch.randn(2**20, 2**20))
            nn.init.normal_(self.conv.weight)
            nn.init.constant_(self.conv.bias, 1)

    known = Known(large=replace(load_catalog().architectures["espcn"], build=lambda scale: Large()))
    assert shapes_of(known, "large", 2)["conv.weight"] == (2**16, 2**16, 3, 3)
