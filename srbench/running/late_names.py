"""What a distiller asks for by name while it trains.

Nothing says beforehand which networks it will build, or which degradations its phases will name. So a training notes
them, with the code that made them, and what it gave counts as long as that code is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from srbench.catalog.catalog import Catalog
from srbench.degrading.spec import DegradationSpec
from srbench.errors import SrbenchError
from srbench.naming import Scale

if TYPE_CHECKING:
    from srbench.networks.network import Network

Noted = dict[str, dict[str, list[str]]]
"""Kind to name to what its code is known by; nothing where the name is not there."""


class Named:
    """Finds for a training, and notes, what its distiller names.

    Attributes:
        noted: So far.
    """

    def __init__(self, catalog: Catalog, scale: Scale) -> None:
        self._catalog, self._scale = catalog, scale
        self.noted: Noted = {}

    def network(self, name: str) -> Network:
        """An architecture with fresh weights."""
        from srbench.networks.network import build_network

        spec = self._catalog.architectures[name]
        self._note("architecture", name)
        return build_network(spec, self._scale)

    def degradation(self, name: str) -> DegradationSpec:
        """A degradation."""
        spec = self._catalog.degradations[name]
        self._note("degradation", name)
        return spec

    def _note(self, kind: str, name: str) -> None:
        self.noted.setdefault(kind, {})[name] = _code(self._catalog, kind, name)


def today(catalog: Catalog, noted: Mapping[str, Mapping[str, object]]) -> Noted:
    """What would be noted now, by the same names."""
    return {kind: {name: _code(catalog, kind, name) for name in names} for kind, names in noted.items()}


def _code(catalog: Catalog, kind: str, name: str) -> list[str]:
    shelf = catalog.shelf(kind)
    try:
        spec = shelf[name]
    except SrbenchError:
        return []
    return [shelf.code_hash(name), getattr(spec, "version", ""), spec.extra_hash]
