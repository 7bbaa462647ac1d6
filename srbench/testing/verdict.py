"""Check one thing against the contract of its kind."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

from srbench.catalog.catalog import Catalog
from srbench.catalog.kinds import KINDS, kind_of
from srbench.distilling.spec import DistillerSpec
from srbench.errors import UnavailableError, UsageError


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the contract of its kind says about one thing."""

    kind: str
    """Its kind, in the singular."""
    name: str
    """Its name."""
    state: Literal["kept", "broken", "unchecked"]
    """Whether it keeps its contract, or could not be checked here."""
    checked: str
    """What the contract checks, in words."""
    violations: tuple[str, ...] = ()
    """A sentence for each rule that it breaks."""
    reason: str | None = None
    """Why it could not be checked; null if it was."""


def verdict_on(name: str, kind: str | None, catalog: Catalog) -> Verdict:
    """Check the one thing of a name against its contract.

    Raises:
        UnknownNameError: Nothing has the name.
        UsageError: Several things have it, and ``kind`` does not say which is meant.
    """
    kinds = catalog.kinds_of(name, kind)
    if len(kinds) > 1:
        raise UsageError(f"{name} names several things; choose one with --kind {' or --kind '.join(kinds)}.")
    (found,) = kinds
    spec, contract = catalog.shelf(found)[name], contract_of(found)
    checked: str = contract.checked(spec) if hasattr(contract, "checked") else contract.CHECKED
    try:
        violations = violations_of(spec, catalog)
    except UnavailableError as error:
        return Verdict(found, name, "unchecked", checked, reason=str(error))
    return Verdict(found, name, "broken" if violations else "kept", checked, tuple(violations))


def violations_of(spec: object, catalog: Catalog | None = None) -> list[str]:
    """List the rules of its kind that a spec breaks, so that a test can say ``violations_of(SPEC) == []``.

    Args:
        spec: An `srbench.ArchitectureSpec`, an `srbench.DistillerSpec`, or the spec of any other kind.
        catalog: Where a distiller finds its helper networks and losses; default: small test networks and L1.

    Returns:
        One sentence for each violation; empty if the contract is kept.

    Raises:
        UsageError: ``spec`` is of no kind.
        UnavailableError: It is not available on this machine (a metric's weights), so nothing was checked.
    """
    kind = kind_of(spec)
    if kind is None:
        wanted = ", ".join(kind.spec.__name__ for kind in KINDS.values())
        raise UsageError(f"{type(spec).__name__} is not a spec that has a contract; give one of {wanted}.")
    contract = contract_of(kind.name)
    found: list[str] = contract.violations(*(spec, catalog) if isinstance(spec, DistillerSpec) else (spec,))
    return found


def contract_of(kind: str) -> ModuleType:
    """Return the module with the contract of one of `srbench.catalog.kinds.KINDS`."""
    return importlib.import_module(f"srbench.testing.{kind}")
