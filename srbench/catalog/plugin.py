"""What is known about one plugin."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Plugin:
    """One plugin, loaded or not."""

    name: str
    """What to call it in a message: a module, an entry point or a file."""
    source: str
    """"bundled", "entry point" or "file"."""
    version: str = ""
    file: Path | None = None
    error: str | None = None
    """Why it could not be used, in one sentence; None when it works."""
    seconds: float = 0.0
    specs: list[tuple[str, Any]] = field(default_factory=list)
    """(kind, spec) pairs."""
    notices: list[str] = field(default_factory=list)
    """What it printed or warned of while it was loaded; kept out of srbench's own output."""

    code_hash: str = ""
    """sha256 of the code that provides it as it was when it was loaded, so that changed code never meets cached
    results. A bundled module or a single file is hashed with the bundled modules that it imports, one of an installed
    package with all modules beside and below it."""

    @property
    def place(self) -> str:
        """Name, source and file, to tell it from another of the same name."""
        return f"{self.name} ({self.source}{f', {self.file}' if self.file else ''})"
