"""Find plugins and ask each for its specs; a faulty one is named, and contained.

Sources, each of which ``SRBENCH_PLUGINS`` may select ("bundled,entry-points,files" is everything, "none" nothing):
the installed package ``srbench_plugins``; entry points of group ``srbench``; single files, given by ``--plugin`` or
lying in ``./plugins`` (unless that is the bundled folder itself) or in the user's plugin folder.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import pkgutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import platformdirs
import pluggy

from srbench import hookspecs
from srbench.errors import PluginError, UsageError
from srbench.hookspecs import GROUP, HOOKS
from srbench.specs import KINDS, Family

SOURCES = ("bundled", "entry-points", "files")
IMPORT_TIMEOUT = 60
"""Seconds after which a plugin that does not finish its import is given up; SRBENCH_PLUGIN_TIMEOUT changes it."""


@dataclass(slots=True)
class Plugin:
    """One plugin, loaded or not."""

    name: str
    """What to call it in a message: a module, an entry point or a file."""
    source: str
    version: str = ""
    file: Path | None = None
    error: str | None = None
    """Why it could not be used, in one sentence; None when it works."""
    seconds: float = 0.0
    specs: list[tuple[str, Any]] = field(default_factory=list)
    """(kind, spec) pairs."""

    @property
    def fingerprint(self) -> str:
        """sha256 of the file that provides it, so that changed code never meets cached results."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest() if self.file and self.file.is_file() else self.version


def user_folder() -> Path:
    """Where a person's own single-file plugins live."""
    return platformdirs.user_config_path("srbench") / "plugins"


def discover(files: Sequence[Path] = (), *, environ: dict[str, str] | None = None) -> list[Plugin]:
    """Load every plugin of every selected source.

    Args:
        files: Single-file plugins named on the command line; they are loaded whatever ``SRBENCH_PLUGINS`` says.
        environ: Environment to read ``SRBENCH_PLUGINS`` and ``SRBENCH_PLUGIN_TIMEOUT`` from.

    Returns:
        Every plugin found, sorted by name; the faulty ones carry their error.

    Raises:
        UsageError: ``SRBENCH_PLUGINS`` names an unknown source, or a file of ``files`` does not exist.
    """
    env = os.environ if environ is None else environ
    sources = _selected(env.get("SRBENCH_PLUGINS"))
    timeout = float(env.get("SRBENCH_PLUGIN_TIMEOUT", IMPORT_TIMEOUT))
    found: dict[str, Plugin] = {}
    for plugin, load in _candidates(sources, files):
        if plugin.name not in found:
            found[plugin.name] = _load(plugin, load, timeout)
    return [found[name] for name in sorted(found)]


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


def _candidates(sources: Sequence[str], files: Sequence[Path]) -> Iterator[tuple[Plugin, Callable[[], ModuleType]]]:
    bundled: Path | None = None
    if (spec := importlib.util.find_spec("srbench_plugins")) and spec.submodule_search_locations:
        bundled = Path(next(iter(spec.submodule_search_locations))).resolve()
    if "bundled" in sources and bundled:
        version = importlib.metadata.version("srbench")
        for info in pkgutil.walk_packages([str(bundled)], "srbench_plugins."):
            if not info.ispkg and not info.name.rpartition(".")[2].startswith("_"):
                yield Plugin(info.name, "bundled", version), lambda name=info.name: importlib.import_module(name)  # type: ignore[misc]
    if "entry-points" in sources:
        for entry in importlib.metadata.entry_points(group=GROUP):
            version = entry.dist.version if entry.dist else ""
            origin = f"{entry.dist.name}:{entry.name}" if entry.dist else entry.name
            yield Plugin(origin, "entry point", version), entry.load
    singles = list(files)
    for path in singles:
        if not path.is_file():
            raise UsageError(f"The plugin file {path} does not exist; give --plugin the path of a Python file.")
    if "files" in sources:
        for folder in (Path("plugins"), user_folder()):
            if folder.is_dir() and folder.resolve() != bundled:
                singles += sorted(p for p in folder.glob("*.py") if not p.name.startswith(("_", "test_")))
    for path in dict.fromkeys(p.resolve() for p in singles):
        yield Plugin(path.stem, "file", file=path), lambda path=path: _import_file(path)  # type: ignore[misc]


def _import_file(path: Path) -> ModuleType:
    name = f"srbench_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _load(plugin: Plugin, load: Callable[[], ModuleType], timeout: float) -> Plugin:
    start = time.perf_counter()
    try:
        with _time_limit(timeout):
            module = load()
            origin = getattr(module, "__file__", None)
            plugin.file = plugin.file or (Path(origin) if origin else None)
            plugin.specs = _specs_of(module)
    except PluginError as error:
        plugin.error = f"Plugin {plugin.name} is not usable: {error}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin's fault, even SystemExit, must not take the others down
        plugin.error = f"Plugin {plugin.name} failed to load: {type(error).__name__}: {error}"
    plugin.seconds = time.perf_counter() - start
    return plugin


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the main thread's import after ``seconds``; elsewhere (worker threads) there is no such means."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def give_up(*_: object) -> None:
        raise PluginError(f"its import did not finish within {seconds:g} s; mend it, or raise SRBENCH_PLUGIN_TIMEOUT.")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _specs_of(module: ModuleType) -> list[tuple[str, Any]]:
    # A manager of its own for each plugin: blame is certain, and no other plugin can be disturbed.
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        names = ", ".join(sorted(HOOKS.values()))
        raise PluginError(f"it defines a hook srbench does not know ({error}); the hooks are {names}.") from error
    specs: list[tuple[str, Any]] = []
    for kind, hook in HOOKS.items():
        for provided in getattr(manager.hook, hook)():
            specs += [(kind, _checked(kind, hook, spec)) for spec in _iterate(hook, provided)]
    if not specs and not manager.get_hookcallers(module):
        raise PluginError("it defines no hook; mark one of its functions with @srbench.hookimpl.")
    return specs


def _iterate(hook: str, provided: object) -> Iterator[object]:
    try:
        yield from provided  # type: ignore[misc]
    except TypeError:
        raise PluginError(f"{hook} returned {type(provided).__name__}; return a list of specs.") from None


def _checked(kind: str, hook: str, spec: object) -> object:
    wanted = KINDS[kind]
    if not isinstance(spec, wanted | Family):
        raise PluginError(f"{hook} returned {type(spec).__name__}; it must return {wanted.__name__} objects.")
    return spec
