"""What the jobs of a run have in common; small and picklable, so that a job can run in any process."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from srbench.catalog.catalog import Catalog, build_catalog, load_catalog
from srbench.catalog.executors import ONLY_NODE, Node
from srbench.catalog.plugin import Plugin
from srbench.datasets.library import Library
from srbench.files import cache_root
from srbench.running.places import data_root, device_elsewhere, require_devices, require_nodes, resolve_device
from srbench.running.store import Store
from srbench.training.tracking import NO_TRACKING, Tracking, tracking_by


def command_line() -> tuple[str, ...]:
    """Return the words of the `srbench` command that this process is; empty for another program."""
    program, *words = sys.argv or [""]
    path = Path(program)
    return ("srbench", *words) if path.stem == "srbench" or path.parts[-2:] == ("srbench", "__main__.py") else ()


@dataclass(frozen=True, eq=False, slots=True)
class Given:
    """A plugin that is in no file, such as for a module of a notebook."""

    plugin: Plugin


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
    devices: int = 1
    """Processes that do one training together, each on a device of its own, or on the CPU."""
    nodes: int = 1
    """Machines that do one training together, each with an equal part of its processes."""
    node: Node = ONLY_NODE
    """Which of the machines of its job this process is on."""
    limit: int | None = None
    """How many images of each dataset are measured; all if absent."""
    images_kept: int = 0
    tracking: Tracking = NO_TRACKING
    """Which trackers follow the trainings."""
    command: tuple[str, ...] = field(default_factory=command_line)
    """The command that began it, for records; jobs in other processes have it from here."""

    given: Given | None = None
    """What exists in this process alone; jobs must then run here."""

    @property
    def catalog(self) -> Catalog:
        """The plugins, loaded once a process."""
        if self.given is not None:
            return _catalog_with(self.plugin_files, self.strict_plugins, self.given)
        return _catalog(self.plugin_files, self.strict_plugins)

    @property
    def library(self) -> Library:
        """The datasets, each read once a process."""
        return _library(self.data_root, self.plugin_files, self.strict_plugins)

    @property
    def store(self) -> Store:
        """The results of finished jobs."""
        return Store(self.cache)


def open_session(
    *,
    data: Path | str | None = None,
    plugin_files: Iterable[Path | str] = (),
    strict_plugins: bool = False,
    weights_folders: Iterable[Path | str] = (),
    device: str = "cpu",
    threads: int = 0,
    devices: int = 1,
    nodes: int = 1,
    executor: str = "here",
    track: Iterable[str] = (),
    track_folder: Path | str | None = None,
    warn: Callable[[str], None],
) -> Session:
    """Check where things are, and load the plugins as they are now.

    Args:
        data: Folder with the datasets; default: that of SRBENCH_DATA.
        plugin_files: Single-file plugins to load beside those that are installed.
        strict_plugins: Whether a broken plugin is an error.
        weights_folders: Folders with published checkpoints; default: those of SRBENCH_WEIGHTS.
        device: "cpu", "cuda", "cuda:1", "mps", or "auto".
        threads: Threads of torch on the CPU; 0 leaves the choice to torch.
        devices: Processes that do one training together.
        nodes: Machines that do one training together.
        executor: What runs the jobs; the device of one that runs them elsewhere is not looked for here.
        track: Names of trackers; see `srbench.training.tracking`.
        track_folder: Where these write; each one's own default if absent.
        warn: Receives a sentence for each broken plugin.

    Raises:
        DataError: ``data`` is not a folder.
        PluginError: Two plugins provide one name, or ``strict_plugins`` and one is broken.
        UnknownNameError: There is no such executor.
        UsageError: The machine has no such device, or not as many; or a training cannot have so many machines.
        UnavailableError: The package of a tracker is missing.
    """
    for remembered in (_catalog, _catalog_with, _library):
        remembered.cache_clear()  # files may have changed since an earlier session of this process
    data = data or os.environ.get("SRBENCH_DATA") or None
    weights = tuple(weights_folders) or tuple(filter(None, os.environ.get("SRBENCH_WEIGHTS", "").split(os.pathsep)))
    session = Session(
        plugin_files=tuple(Path(path).resolve() for path in plugin_files),
        strict_plugins=strict_plugins,
        data_root=data_root(Path(data) if data else None),
        weights_folders=tuple(map(Path, weights)),
        cache=cache_root(),
        device=device,
        threads=threads,
        devices=devices,
        nodes=nodes,
        tracking=tracking_by(track, track_folder),
    )
    for broken in session.catalog.broken:
        warn(str(broken.error))
    require_nodes(nodes, devices, executor, session.catalog.executors)
    if not session.catalog.executors[executor].elsewhere:
        found = resolve_device(device)
        require_devices(found, devices)
        return replace(session, device=found)
    return replace(
        session,
        device=device_elsewhere(device),
        cache=session.cache.absolute(),
        data_root=session.data_root and session.data_root.absolute(),
        weights_folders=tuple(folder.absolute() for folder in session.weights_folders),
    )


@functools.lru_cache(maxsize=1)
def _catalog(files: tuple[Path, ...], strict: bool) -> Catalog:
    return load_catalog(files, strict=strict)


@functools.lru_cache(maxsize=1)
def _catalog_with(files: tuple[Path, ...], strict: bool, given: Given) -> Catalog:
    return build_catalog([*_catalog(files, strict).plugins, given.plugin])


@functools.lru_cache(maxsize=1)
def _library(root: Path | None, files: tuple[Path, ...], strict: bool) -> Library:
    return Library(root, _catalog(files, strict).datasets)
