"""The facts about one plugin."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
