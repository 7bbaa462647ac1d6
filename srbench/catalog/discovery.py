"""Find plugins and load each; a broken one carries its error, and the others work.

There are three sources: the installed package ``srbench_plugins``; entry points of group ``srbench``; and single files,
given by ``--plugin``, in the user's plugin folder or, once they are allowed, in ``./plugins`` (unless that is the
bundled folder itself).
``SRBENCH_PLUGINS`` selects among them: "bundled,entry-points,files" is everything, "none" nothing.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import platformdirs

from srbench.catalog.hooks import GROUP
from srbench.catalog.loading import IMPORT_TIMEOUT, load_plugin
from srbench.catalog.plugin import Plugin
from srbench.catalog.trial import import_tried_file
from srbench.catalog.trust import is_trusted
from srbench.errors import PluginError, UsageError
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
    given = [path.resolve() for path in files]
    local, own = (local_files(), _files_of(user_folder())) if folders else ([], [])
    for path in dict.fromkeys((*given, *own, *local)):
        plugin, load = file_plugin(path)
        allowed = path in given or path in own or is_trusted(path)
        yield plugin, load if allowed else partial(_refuse, path)


def local_files() -> list[Path]:
    """Return the plugin files of ``./plugins``; none if that is the bundled folder."""
    return _files_of(Path("plugins"))


def _files_of(folder: Path) -> list[Path]:
    if not folder.is_dir() or folder.resolve() == bundled_folder():
        return []
    return sorted(p.resolve() for p in folder.glob("*.py") if p.is_file() and not p.name.startswith(("_", "test_")))


def _refuse(path: Path) -> NoReturn:
    raise PluginError(
        f"{path} is new there or has changed, and nobody has allowed it. Read it, then type `srbench plugins --trust`, "
        "or give it by --plugin."
    )


def file_plugin(path: Path) -> Candidate:
    """Return the plugin in a single file, for `load_plugin`."""
    return Plugin(path.stem, "file", file=path.resolve()), partial(import_tried_file, path.resolve())
