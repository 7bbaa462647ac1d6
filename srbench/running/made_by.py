"""What a row was made from: its own suite, its recipes, the command, the plugins, the files of weights."""

from __future__ import annotations

from collections.abc import Iterator

from srbench.catalog.catalog import Catalog
from srbench.planning.alone import as_table, recipes_of, suite_of
from srbench.planning.cells import Cell
from srbench.planning.suite import Suite
from srbench.records.record import MadeBy
from srbench.running.keys import Keys
from srbench.running.models import weights_files
from srbench.running.session import Session
from srbench.running.stages import MeasuredCell

_HASH = 12
"""Kept digits of the hashes of plugins: they are compared, and never looked up."""


def made_by(cell: Cell, suite: Suite, measured: MeasuredCell, session: Session, keys: Keys) -> MadeBy:
    """Describe what a measured cell of ``suite`` was made from."""
    hashes = {name: code[:_HASH] for name, code in _plugins(cell, session, keys)}
    return MadeBy(
        suite=as_table(suite_of(cell, suite)),
        recipes={name: as_table(recipe) for name, recipe in recipes_of(cell).items()},
        command=measured.command,
        plugins=dict(sorted(hashes.items())),
        weights=tuple(str(path.absolute()) for path in weights_files(cell.model, session, keys)),
        logs=tuple(dict.fromkeys(filter(None, (*_training_logs(cell, session, keys), measured.log)))),
    )


def _training_logs(cell: Cell, session: Session, keys: Keys) -> Iterator[str]:
    for model in cell.model.lineage:
        stored = session.store.read(keys.model(model)) if model.source == "trained" else None
        yield stored.log if stored else ""


def _plugins(cell: Cell, session: Session, keys: Keys) -> Iterator[tuple[str, str]]:
    """Yield kind and name, and the hash of the code, of all that decides the scores of a cell."""
    catalog = session.catalog
    yield from _hashes(catalog, "metric", *cell.metrics)
    yield from _hashes(catalog, "degradation", cell.degradation)
    if cell.inference.backend is not None:
        yield from _hashes(catalog, "runtime", cell.inference.backend.runtime)
    for model in cell.model.lineage:
        yield from _hashes(catalog, catalog.networks[model.architecture].kind, model.architecture)
        if model.source == "trained" and model.recipe is not None:
            yield from _hashes(catalog, "degradation", str(model.degradation))
            yield from _hashes(catalog, "distiller", model.distiller)
            yield from _hashes(catalog, "loss", *model.recipe.losses)
            stored = session.store.read(keys.model(model))
            for kind, names in (stored.late_names if stored else {}).items():
                yield from _hashes(catalog, kind, *names)


def _hashes(catalog: Catalog, kind: str, *names: str) -> Iterator[tuple[str, str]]:
    shelf = catalog.shelf(kind)
    yield from ((f"{kind} {name}", shelf.code_hash(name)) for name in names if shelf.offers(name))
