"""The names that a distiller asks for while it trains, and the code behind them.

No suite and no recipe says which networks a distiller will build, or which degradations its phases will name. So a
training notes these names with the code behind them, and its result is reused only while that code is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from srbench.catalog.catalog import Catalog
from srbench.datasets.library import Library
from srbench.degrading.spec import DegradationSpec
from srbench.errors import SrbenchError
from srbench.recipe import TrainingRecipe
from srbench.scales import Scale
from srbench.tasks.table import task_of

if TYPE_CHECKING:
    from srbench.networks.network import Network

CodeByName = dict[str, dict[str, list[str]]]
"""Kind to name to what identifies its code; an empty list for a name that nothing provides."""


class LateNames:
    """Looks up what the distiller of a training asks for by name, and notes it.

    Attributes:
        code: What was asked for so far.
    """

    def __init__(self, catalog: Catalog, library: Library, scale: Scale, recipe: TrainingRecipe | None) -> None:
        self._catalog, self._library, self._scale, self._recipe = catalog, library, scale, recipe
        self.code: CodeByName = {}

    def network(self, name: str) -> Network:
        """Build a network with fresh weights."""
        spec = self._catalog.networks[name]
        self._note(spec.kind, name)
        return task_of(spec).untrained(spec, self._scale, self._recipe, self._library, self._catalog)

    def degradation(self, name: str) -> DegradationSpec:
        """Find a degradation."""
        spec = self._catalog.degradations[name]
        self._note("degradation", name)
        return spec

    def _note(self, kind: str, name: str) -> None:
        self.code.setdefault(kind, {})[name] = _code(self._catalog, kind, name)


def current_code(catalog: Catalog, noted: CodeByName) -> CodeByName:
    """Return the code that is behind the same names now."""
    return {kind: {name: _code(catalog, kind, name) for name in names} for kind, names in noted.items()}


def _code(catalog: Catalog, kind: str, name: str) -> list[str]:
    shelf = catalog.shelf(kind)
    try:
        spec = shelf[name]
    except SrbenchError:
        return []
    return [shelf.code_hash(name), getattr(spec, "version", ""), spec.extra_hash]
