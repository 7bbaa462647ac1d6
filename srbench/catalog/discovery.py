"""Find plugins and load each; a broken one carries its error, and the others work.

There are three sources: the installed package ``srbench_plugins``; entry points of group ``srbench``; and single files,
given by ``--plugin``, or in ``./plugins`` (unless that is the bundled folder itself) or in the user's plugin folder.
``SRBENCH_PLUGINS`` selects among them: "bundled,entry-points,files" is everything, "none" nothing.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import TypeAdapter

from srbench.catalog.hooks import GROUP
from srbench.catalog.loading import IMPORT_TIMEOUT, import_file, load_plugin
from srbench.catalog.plugin import Plugin
from srbench.errors import StoreError, UsageError
from srbench.escaping import one_line
from srbench.files import atomic_write
from srbench.garbage import without_collections

SOURCES = ("bundled", "entry-points", "files")


def user_folder() -> Path:
    """Return the folder of the user's own single-file plugins."""
    return platformdirs.user_config_path("srbench") / "plugins"


def bundled_folder() -> Path | None:
    """Return the folder of the installed ``srbench_plugins``; None if it is not installed."""
    spec = importlib.util.find_spec("srbench_plugins")
    return Path(spec.submodule_search_locations[0]).resolve() if spec and spec.submodule_search_locations else None


def discover(files: Sequence[Path] = (), *, environ: Mapping[str, str] | None = None) -> list[Plugin]:
    """Load the plugins in ``files`` and of every source that ``SRBENCH_PLUGINS`` selects, sorted by name.

    Raises:
        UsageError: ``SRBENCH_PLUGINS`` names an unknown source, ``SRBENCH_PLUGIN_TIMEOUT`` is not a number of
            seconds, or a file of ``files`` does not exist.
    """
    env = os.environ if environ is None else environ
    sources, timeout = _selected(env.get("SRBENCH_PLUGINS")), _timeout(env.get("SRBENCH_PLUGIN_TIMEOUT"))
    candidates: list[Candidate] = []
    if "bundled" in sources:
        candidates += _bundled()
    if "entry-points" in sources:
        candidates += entry_point_plugins()
    candidates += _single_files(files, folders="files" in sources)
    with without_collections():
        if "bundled" in sources:
            # Outside every plugin's time limit: an import that is cut off stays broken for all plugins after it. If
            # torch itself is broken, the plugins that need it say why.
            with suppress(Exception):
                importlib.import_module("torch")
        loaded = [load_plugin(plugin, load, timeout) for plugin, load in candidates]
    return sorted(loaded, key=lambda plugin: (plugin.name, plugin.source, str(plugin.file)))


Candidate = tuple[Plugin, Callable[[], Any]]
"""A plugin that was found, and the function that imports it."""


def _selected(value: str | None) -> tuple[str, ...]:
    if value is None:
        return SOURCES
    names = [n.strip() for n in value.split(",") if n.strip() and n.strip() != "none"]
    for name in names:
        if name not in SOURCES:
            raise UsageError(
                f"SRBENCH_PLUGINS names the source {name!r}; it may name {', '.join(SOURCES)}, or be 'none'."
            )
    return tuple(names)


def _timeout(value: str | None) -> float:
    try:
        seconds = IMPORT_TIMEOUT if value is None else float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(f"SRBENCH_PLUGIN_TIMEOUT is {value!r}; give a number of seconds above 0, such as 60.")
    return seconds


def _bundled() -> Iterator[Candidate]:
    folder = bundled_folder()
    if folder is None:
        return
    version = importlib.metadata.version("srbench")
    for path in sorted(folder.glob("*/*.py")):
        if not path.name.startswith("_"):
            name = f"srbench_plugins.{path.parent.name}.{path.stem}"
            yield Plugin(name, "bundled", version, path), partial(importlib.import_module, name)


def entry_point_plugins(distribution: str | None = None) -> Iterator[Candidate]:
    """Yield the plugins of all installed packages, or of one of them."""
    for entry in importlib.metadata.entry_points(group=GROUP):
        package, version = (entry.dist.name, entry.dist.version) if entry.dist else ("", "")
        if distribution is None or pkg_key(package) == pkg_key(distribution):
            yield Plugin(f"{package}:{entry.name}" if package else entry.name, "entry point", version), entry.load


def pkg_key(name: str) -> str:
    """Return a distribution's name as package indexes compare it: without case, with one separator."""
    return name.lower().replace("_", "-").replace(".", "-")


def _single_files(files: Sequence[Path], *, folders: bool) -> Iterator[Candidate]:
    for path in files:
        if not path.is_file():
            raise UsageError(f"The plugin file {path} does not exist; give --plugin the path of a Python file.")
    paths = list(files)
    for folder in (Path("plugins"), user_folder()) if folders else ():
        if folder.is_dir() and folder.resolve() != bundled_folder():
            found = sorted(p for p in folder.glob("*.py") if not p.name.startswith(("_", "test_")))
            if folder != user_folder():
                _announce(folder.resolve(), [path.name for path in found])
            paths += found
    for path in dict.fromkeys(p.resolve() for p in paths):
        yield file_plugin(path)


def _announce(folder: Path, names: Sequence[str]) -> None:
    """Say on standard error which files of a folder will run, the first time that srbench meets them there.

    A folder may have come with an archive or a clone, and its files run whatever srbench is asked to do.
    """
    note = platformdirs.user_config_path("srbench") / "plugin_folders.json"
    known = _known_folders(note)
    if new := sorted({*names} - {*known.get(str(folder), ())}):
        sys.stderr.write(
            f"note: srbench runs the plugins {one_line(', '.join(new))} of {one_line(str(folder))}, here for the first "
            "time; SRBENCH_PLUGINS=bundled,entry-points leaves them out.\n"
        )
        with suppress(StoreError):  # then they are announced again
            atomic_write(note, json.dumps(known | {str(folder): list(names)}, indent=1))


def _known_folders(note: Path) -> dict[str, list[str]]:
    try:
        return TypeAdapter(dict[str, list[str]]).validate_json(note.read_bytes())
    except (OSError, ValueError):
        return {}


def file_plugin(path: Path) -> Candidate:
    """Return the plugin in a single file, for `load_plugin`."""
    return Plugin(path.stem, "file", file=path.resolve()), partial(import_file, path.resolve())
