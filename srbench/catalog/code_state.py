"""Detect whether files or the environment changed since a note was written, by size and time as make does."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import srbench
from srbench.catalog.discovery import bundled_folder, user_folder
from srbench.catalog.hooks import GROUP
from srbench.catalog.trust import trust_note
from srbench.files import shipped, shipped_tables

FileStates = dict[str, list[int] | None]
"""Size and time of each file by its path; None for one that is not there."""


def file_states(files: Iterable[Path]) -> FileStates:
    """Return the state of each file now; of a folder only the time, which changes with its entries."""
    states: FileStates = {}
    for path in files:
        try:
            facts = path.stat()
        except OSError:
            states[str(path)] = None
        else:
            states[str(path)] = [0 if path.is_dir() else facts.st_size, facts.st_mtime_ns]
    return states


def own_code() -> Iterable[Path]:
    """Yield the files of srbench, of its bundled plugins and of the user's plugin folders, as they are now."""
    for folder in (Path(srbench.__file__).parent, bundled_folder()):
        if folder is not None:
            yield from folder.rglob("*.py")
    yield shipped("datasets.toml")
    for tables in ("suites", "recipes"):
        yield from shipped_tables(tables).values()
    for folder in (Path("plugins").resolve(), user_folder()):
        yield from folder.glob("*.py")
    yield trust_note()


def imported_code() -> Iterable[Path]:
    """Yield the file of every module that this process has imported, so also those that plugins import."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return (Path(file) for file in files if file)


def environment() -> dict[str, object]:
    """Return what else decides what srbench does: variables, versions, entry points, the machine; in JSON's types."""
    own = {name: value for name, value in os.environ.items() if name.startswith(("SRBENCH_", "OMP_", "MKL_", "CUDA_"))}
    entries = importlib.metadata.entry_points(group=GROUP)
    return {
        "variables": own,
        "python": sys.version,
        "torch": importlib.metadata.version("torch"),
        "plugins": sorted(f"{e.name} {e.value} {e.dist.version if e.dist else ''}" for e in entries),
        "cores": os.cpu_count(),
        "machine": list(os.uname()),
    }
