"""The facts of a thing that a plugin provides, as plain data."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, PlainSerializer

from srbench.catalog.catalog import Catalog
from srbench.datasets.spec import DatasetSpec
from srbench.degrading.spec import DegradationSpec, StepSpec
from srbench.scales import RealScale, plain_scale


def plain_facts(spec: Any) -> dict[str, Any]:  # noqa: ANN401 - a spec of any kind
    """Return the fields of a spec that are not code, and what only things of its kind have."""
    facts = {f.name: plain(value) for f in dataclasses.fields(spec) if not callable(value := getattr(spec, f.name))}
    match spec:
        case DatasetSpec():
            facts["labels"] = plain(getattr(spec.labels, "layout", None))
        case DegradationSpec():
            facts["chain"] = spec.chain and plain(spec.chain, stating_class=True)["steps"]
        case StepSpec():
            facts["parameters"] = {name: _parameter(spec, name, default) for name, _, default in spec.parameters}
    return facts


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing that a plugin provides."""

    kind: str
    """Its kind, in the singular, such as "architecture"."""
    name: str
    """Its name."""
    provider: str
    """The plugin that provides it, with source and file."""
    facts: Annotated[Any, PlainSerializer(plain_facts, return_type=dict[str, Any])]
    """An object with the fields of its spec that are not code. A dataset has the layout of its ``labels`` too, a step
    its ``parameters`` with default and unit, and a degradation the steps of its ``chain``."""


def thing_of(catalog: Catalog, kind: str, name: str) -> Thing:
    """Return the thing of a kind that has this name.

    Raises:
        UnknownNameError: There is none.
    """
    shelf = catalog.shelf(kind)
    return Thing(kind, name, shelf.provider(name).place, shelf[name])


def _parameter(spec: StepSpec, name: str, default: object) -> dict[str, Any]:
    usual = {} if default is inspect.Parameter.empty else {"default": plain(default)}
    return usual | {"unit": spec.units.get(name, "")}


def plain(value: Any, *, stating_class: bool = False) -> Any:  # noqa: ANN401 - a fact of any type
    """Return a fact as JSON has it; if ``stating_class``, objects also say by ``class`` of which they are."""
    if isinstance(value, RealScale):
        return plain_scale(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = {"class": type(value).__name__} if stating_class else {}
        value = own | {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item, stating_class=stating_class) for key, item in value.items()}
    if isinstance(value, tuple | list | frozenset):
        items = sorted(value) if isinstance(value, frozenset) else value
        return [plain(item, stating_class=stating_class) for item in items]
    return value if value is None or isinstance(value, str | int | float) else str(value)
