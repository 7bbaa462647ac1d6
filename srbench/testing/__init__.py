"""The contracts that plugins keep: what ``srbench check`` runs, and a plugin's own tests.

The contract of a kind is the module of its name in this package: ``violations(spec)`` checks what ``CHECKED`` says.
Contracts need the CPU only, and seconds.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from srbench.catalog.catalog import Catalog
from srbench.catalog.kinds import KINDS, kind_of
from srbench.distilling.spec import DistillerSpec
from srbench.errors import UsageError
from srbench.testing.answers import made_up_answers
from srbench.testing.contract import heard_by, photograph

__all__ = ["contract_of", "heard_by", "made_up_answers", "photograph", "violations_of"]


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
