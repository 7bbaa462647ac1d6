"""A plugin, and the families of names that it may provide beside its specs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from srbench.errors import PluginError
from srbench.naming import check_name


@dataclass(slots=True)
class Plugin:
    """One plugin, loaded or not."""

    name: str
    """Its name in messages: a module, an entry point or a file."""
    source: str
    """"bundled", "entry point" or "file"."""
    version: str = ""
    file: Path | None = None
    error: str | None = None
    """The reason why it cannot be used, one sentence; None when it works."""
    seconds: float = 0.0
    specs: list[tuple[str, Any]] = field(default_factory=list)
    """(kind, spec) pairs."""
    notices: list[str] = field(default_factory=list)
    """Lines that it printed or warned while it was loaded; kept out of srbench's own output."""
    code_hash: str = ""
    """sha256 of its code when it was loaded, so that changed code never meets cached results. A bundled module or a
    single file is hashed with the bundled modules that it imports, a plugin of an installed package with all modules
    beside and below it."""

    @property
    def place(self) -> str:
        """Name, source and file, which distinguish it from another of the same name."""
        return f"{self.name} ({self.source}{f', {self.file}' if self.file else ''})"


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
    takes: type[Any] | None = None
    """A frozen dataclass whose typed fields are the parameters of its names, ``prefix:width=16,depth=4``. ``make`` then
    gets an object of it instead of the text, and srbench names the spec. `srbench search` chooses among such values."""
    example: str
    """A whole name as an example, for messages: "pyiqa:niqe"."""
    label: str = ""

    def __post_init__(self) -> None:
        check_name("family", self.name)
        if self.takes is not None and not is_dataclass(self.takes):
            raise PluginError(
                f"The family {self.name!r} takes {self.takes!r}, which is not a dataclass; give one with typed fields."
            )

    @property
    def title(self) -> str:
        """The label, or else the example."""
        return self.label or self.example
