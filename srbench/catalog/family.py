"""Names that are made on demand: ``prefix:argument``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from srbench.naming import check_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A prefix whose names are made on demand: ``prefix:argument`` becomes a spec when it is asked for.

    Any hook may return families beside its specs: ``pyiqa:niqe`` is a metric, ``spandrel:FILE`` an architecture.
    """

    name: str
    """The prefix."""
    make: Callable[..., Any]
    """``make(argument, others)`` returns the spec named ``prefix:argument``; ``others`` are the specs of the same kind,
    for families that transform one. It raises `SrbenchError` for an argument that it cannot use."""
    needs: tuple[str, ...] = ()
    """Other kinds whose specs ``make`` takes too, after ``others``: "step" for chains that name steps."""
    example: str
    """A whole name, for messages: "pyiqa:niqe"."""
    label: str = ""

    def __post_init__(self) -> None:
        check_name("family", self.name)

    @property
    def title(self) -> str:
        """Its label, or else its example."""
        return self.label or self.example
