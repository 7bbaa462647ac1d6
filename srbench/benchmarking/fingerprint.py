"""The hash of everything that decides what a module in memory computes: weights, settings and code.

Code is hashed as the interpreter runs it, since what is typed in a notebook has no file. It is followed through the
functions and classes that it names; installed packages count by their names alone, as they do for plugins.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_OF_THE_PROCESS = {"training", "_is_full_backward_hook", "_compiled_call_impl"}
"""Attributes of modules that do not decide what they compute when they are measured."""
_OF_A_CLASS = {"__dict__", "__weakref__", "__doc__", "__annotations__", "__firstlineno__", "__static_attributes__"}
_PACKAGES = {"site-packages", "dist-packages"}


def fingerprint(module: nn.Module) -> str:
    """Return the sha256 of a module's parameters, buffers, attributes, hooks and code.

    Another version of Python compiles the same code to another hash.
    """
    found = _Fingerprint()
    found.add(module)
    return found.digest.hexdigest()


class _Fingerprint:
    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._seen: dict[int, tuple[int, object]] = {}

    def add(self, value: Any) -> None:  # noqa: ANN401 - any attribute of a module
        """Add a value, and what it consists of."""
        if isinstance(value, _PLAIN):
            self._put(type(value).__name__, repr(value))
            return
        if id(value) in self._seen:
            self._put("again", self._seen[id(value)][0])
            return
        self._seen[id(value)] = len(self._seen), value  # which keeps it, so that no other object gets its id
        if isinstance(value, Tensor | np.ndarray):
            self._add_numbers(torch.from_numpy(value) if isinstance(value, np.ndarray) else value)
        elif isinstance(value, type):
            self._add_class(value)
        elif isinstance(value, CodeType):
            self._put("code", value.co_code, value.co_names, value.co_varnames)
            self.add(value.co_consts)
        elif isinstance(value, FunctionType | MethodType | staticmethod | classmethod | property | functools.partial):
            self._add_function(value)
        elif isinstance(value, ModuleType):
            self._put("module", value.__name__, b"" if _is_installed(value.__name__) else _source_of(value))
        else:
            self._add_object(value)

    def _put(self, *parts: object) -> None:
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode()
            self.digest.update(len(data).to_bytes(8, "little") + data)

    def _add_numbers(self, values: Tensor) -> None:
        flat = values.detach().cpu().contiguous().reshape(-1)
        self._put("numbers", values.dtype, tuple(values.shape), flat.view(torch.uint8).numpy().tobytes())

    def _add_object(self, value: Any) -> None:  # noqa: ANN401 - see add
        self._put(type(value).__module__, type(value).__qualname__)
        if isinstance(value, Mapping):
            self.add([part for item in value.items() for part in item])
        elif isinstance(value, list | tuple):
            for part in value:
                self.add(part)
        elif isinstance(value, set | frozenset):
            self.add(sorted(map(repr, value)))
        else:
            self.add(type(value))
            own = not _is_installed(type(value).__module__) or isinstance(value, nn.Module | SimpleNamespace)
            if own or is_dataclass(value):
                self.add({k: v for k, v in sorted(vars(value).items()) if k not in _OF_THE_PROCESS})

    def _add_class(self, kind: type) -> None:
        for base in kind.__mro__:
            self._put(base.__module__, base.__qualname__)
            if not _is_installed(base.__module__):
                self.add({name: value for name, value in sorted(vars(base).items()) if name not in _OF_A_CLASS})

    def _add_function(self, value: Any) -> None:  # noqa: ANN401 - any function
        if isinstance(value, functools.partial):
            self.add([value.func, value.args, value.keywords])
        elif isinstance(value, property):
            self.add([value.fget, value.fset])
        elif isinstance(value, MethodType):
            self.add([value.__func__, value.__self__])
        elif isinstance(value, staticmethod | classmethod):
            self.add(value.__func__)
        elif _is_installed(value.__module__):
            self._put(value.__module__, value.__qualname__)
        else:
            self.add([value.__code__, value.__defaults__, value.__kwdefaults__])
            self.add([cell.cell_contents for cell in value.__closure__ or ()])
            for name in _names_in(value.__code__):
                if name in value.__globals__:
                    self._put(name)
                    self.add(value.__globals__[name])


def _names_in(code: CodeType) -> list[str]:
    """Return the names of globals and attributes in some code, and in the functions within it."""
    inner = (name for const in code.co_consts if isinstance(const, CodeType) for name in _names_in(const))
    return list(dict.fromkeys((*code.co_names, *inner)))


@functools.cache
def _is_installed(module: str | None) -> bool:
    """Whether a module belongs to Python or to an installed package, whose code is not hashed."""
    if module == "__main__":
        return False
    if module is None or module.partition(".")[0] in (*sys.stdlib_module_names, "builtins"):
        return True
    origin = getattr(sys.modules.get(module), "__file__", None)
    return origin is not None and not _PACKAGES.isdisjoint(Path(origin).parts)


def _source_of(module: ModuleType) -> bytes:
    origin = getattr(module, "__file__", None)
    return Path(origin).read_bytes() if origin and Path(origin).is_file() else b""
