"""Shapes of known networks are kept in the cache, so that advice builds each network once."""

from dataclasses import replace

import pytest

from srbench.catalog.catalog import load_catalog
from srbench.files import cache_root
from srbench.networks import shapes
from srbench.networks.shapes import all_shapes, shapes_of

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


def test_a_look_at_all_takes_what_is_cached_and_builds_the_likeliest_until_time_is_up(known, monkeypatch):
    monkeypatch.setattr(shapes, "_BUILDING_S", -1)
    assert list(all_shapes(known, "espcn", ["conv1.weight"])) == []
    shapes_of(known, "espcn", 3)
    assert [(name, scale) for name, scale, _ in all_shapes(known, "espcn", ["conv1.weight"])] == [("espcn", 3)]
    monkeypatch.setattr(shapes, "_BUILDING_S", 100)
    assert {(name, scale) for name, scale, _ in all_shapes(known, "espcn", [])} == {
        (name, scale) for name in known for scale in known[name].scales
    }


def test_a_network_that_cannot_be_built_has_no_shapes(known):
    known["espcn"] = replace(known["espcn"], build=lambda scale: None.missing)
    assert shapes_of(known, "espcn", 2) == {}
