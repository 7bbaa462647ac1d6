"""What the jobs of a run have in common; small and picklable, so that a job can run in any process."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from srbench.catalog.catalog import Catalog, load_catalog
from srbench.datasets.library import Library
from srbench.running.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where things are, and where jobs compute."""

    plugin_files: tuple[Path, ...] = ()
    strict_plugins: bool = False
    data_root: Path | None = None
    weights_folders: tuple[Path, ...] = ()
    cache: Path
    device: str = "cpu"
    threads: int = 0
    """Threads of torch on the CPU; 0 leaves the choice to torch."""
    limit: int | None = None
    """How many images of each dataset are measured; all if absent."""
    images_kept: int = 0
    log_folder: Path | None = None
    """For TensorBoard; no curves if absent."""

    @property
    def catalog(self) -> Catalog:
        """The plugins, loaded once a process."""
        return _catalog(self.plugin_files, self.strict_plugins)

    @property
    def library(self) -> Library:
        """The datasets, each read once a process."""
        return _library(self.data_root, self.plugin_files, self.strict_plugins)

    @property
    def store(self) -> Store:
        """The results of finished jobs."""
        return Store(self.cache)


@functools.lru_cache(maxsize=1)
def _catalog(files: tuple[Path, ...], strict: bool) -> Catalog:
    return load_catalog(files, strict=strict)


@functools.lru_cache(maxsize=1)
def _library(root: Path | None, files: tuple[Path, ...], strict: bool) -> Library:
    return Library(root, _catalog(files, strict).datasets)
