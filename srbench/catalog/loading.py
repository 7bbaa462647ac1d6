"""Load one plugin: import it, ask it for its specs, and keep what goes wrong as its error."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pluggy

from srbench.catalog import hooks as hookspecs
from srbench.catalog.containment import in_one_line, quietly, time_limit, without_ending
from srbench.catalog.hooks import GROUP
from srbench.catalog.kinds import KINDS, Kind, kind_of
from srbench.catalog.plugin import Family, Plugin
from srbench.errors import PluginError

IMPORT_TIMEOUT = 60.0
"""Seconds that a plugin may take to import; SRBENCH_PLUGIN_TIMEOUT changes it."""


def import_file(path: Path) -> Any:  # noqa: ANN401 - a module's attributes are its own
    """Import a Python file that is not on the import path.

    Raises:
        PluginError: The file is not Python.
    """
    path = path.resolve()
    name = f"srbench_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is not a Python file; give one that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def load_plugin(plugin: Plugin, load: Callable[[], Any], timeout: float = IMPORT_TIMEOUT) -> Plugin:
    """Import a plugin and ask it for its specs; what goes wrong becomes its `Plugin.error`.

    Args:
        plugin: The plugin as it was found; it is completed in place.
        load: Imports it and returns a module, or any object that has hooks.
        timeout: Seconds it may take.
    """
    start = time.perf_counter()
    try:
        with quietly(plugin.notices), without_ending(), time_limit(plugin.place, timeout):
            module = load()
            origin = getattr(module, "__file__", None)
            plugin.file = plugin.file or (Path(origin) if origin else None)
            plugin.code_hash = _code_hash(plugin)
            plugin.specs = _specs_of(module)
    except PluginError as error:
        plugin.error = f"Plugin {plugin.name} is not usable: {error}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin's fault, even SystemExit, must not take the others down
        plugin.error = f"Plugin {plugin.name} failed to load: {in_one_line(error, plugin.file)}."
    plugin.seconds = time.perf_counter() - start
    return plugin


def _code_hash(plugin: Plugin) -> str:
    if plugin.file is None or not plugin.file.is_file():
        return plugin.version
    in_package = plugin.source == "entry point" and (plugin.file.parent / "__init__.py").is_file()
    files = sorted(plugin.file.parent.rglob("*.py")) if in_package else _with_bundled_imports(plugin.file)
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _with_bundled_imports(file: Path) -> list[Path]:
    """Return an imported file and the bundled modules that it imports, directly or through one another."""
    files = [file]
    for importing in files:  # grows in the loop
        if importing.suffix == ".py":
            modules = (sys.modules.get(name) for name in _bundled_imports(importing.read_bytes()))
            imported = (Path(module.__file__) for module in modules if module is not None and module.__file__)
            files += sorted({path for path in imported if path.name != "__init__.py"} - set(files))
    return files


@functools.cache
def _bundled_imports(code: bytes) -> tuple[str, ...]:
    """Return the names in some code's imports that may be bundled modules; cached, since plugins share a few files."""
    if b"srbench_plugins" not in code:
        return ()  # most plugins; parsing takes long
    names: list[str] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(name for name in names if name.startswith("srbench_plugins."))


def _specs_of(module: object) -> list[tuple[str, Any]]:
    # One manager for each plugin: an error is certainly this plugin's, and no other plugin is affected.
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, "plugin")
    except pluggy.PluginValidationError as error:
        raise PluginError(
            f"it declares a hook with arguments ({' '.join(str(error).split())}); hooks take none."
        ) from None
    callers = {caller.name: caller for caller in manager.get_hookcallers(module) or ()}
    for name, caller in callers.items():
        if not caller.has_spec():
            raise PluginError(f"it defines the hook {name!r}, which srbench does not know; {_nearest_hook(name)}")
    for name in _hooks():
        if name not in callers and callable(getattr(module, name, None)):
            raise PluginError(f"its function {name} is not marked; put @srbench.hookimpl above it.")
    if not callers:
        raise PluginError("it defines no hook; mark one of its functions with @srbench.hookimpl.")
    specs: list[tuple[str, Any]] = []
    for kind in KINDS.values():
        if kind.hook in callers:
            # Called directly: pluggy would drop a None, and a forgotten return would go unnoticed.
            (implementation,) = callers[kind.hook].get_hookimpls()
            provided = _iterable(kind.hook, implementation.function())
            specs += [(kind.name, _checked(kind, spec)) for spec in provided]
    return specs


def _hooks() -> list[str]:
    return sorted(kind.hook for kind in KINDS.values())


def _nearest_hook(name: str) -> str:
    near = difflib.get_close_matches(name, _hooks(), n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else f"the hooks are {', '.join(_hooks())}."


def _iterable(hook: str, provided: object) -> Iterable[object]:
    if isinstance(provided, Iterable) and not isinstance(provided, str | bytes | Mapping):
        return provided
    raise PluginError(f"{hook} returned {type(provided).__name__}; return a list of specs.")


_FIELD_TYPES: dict[str, Any] = {
    "str": str, "bool": bool, "int": int, "float": int | float, "tuple": tuple, "frozenset": frozenset,
    "Mapping": Mapping, "Callable": Callable,
}  # fmt: skip
"""Types of fields of specs, as they are written, that are checked: Python checks none."""


def _checked(kind: Kind[Any], spec: Any) -> object:  # noqa: ANN401 - what a plugin returned
    if kind_of(spec) is not kind and not isinstance(spec, Family):
        raise PluginError(f"{kind.hook} returned {type(spec).__name__}; it must return {kind.spec.__name__} objects.")
    for field in dataclasses.fields(spec):
        wanted = _FIELD_TYPES.get(str(field.type).partition("[")[0])
        value = getattr(spec, field.name)
        optional = value is None and "None" in str(field.type)
        if wanted is not None and not optional and not isinstance(value, wanted):
            raise PluginError(
                f"{kind.hook} returned the {type(spec).__name__} {getattr(spec, 'name', '')!r}, whose {field.name} is "
                f"{type(value).__name__}; it must be {field.type}."
            )
    return spec
