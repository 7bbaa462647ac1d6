"""List the objects in a pickle without making them, and replace those that are harmless beside weights.

Training scripts put dates, paths, options and NumPy values beside weights. While such a file is read, stand-ins replace
them, which accept what the pickle passes and run none of it.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

UNUSED = (
    "argparse.Namespace", "types.SimpleNamespace",
    *(f"pathlib.{name}" for name in ("Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
    *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
    *(f"builtins.{name}" for name in ("bool", "float", "int", "list", "dict", "str", "tuple", "object")),
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
)  # fmt: skip
"""Objects that are replaced by stand-ins, which keep nothing."""
_STREAMS = 5
"""Pickles in a file of ``torch.save``'s older format."""


class StandIn:
    """A stand-in for an object that does not matter; it keeps nothing of it."""

    def __new__(cls, *_: object) -> Self:
        """Take any arguments."""
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        """Keep none of them."""

    def __setstate__(self, state: object) -> None:
        """Keep no state."""


class _Dict:
    """A stand-in for a defaultdict: a dict."""

    def __new__(cls, *_: object) -> Any:  # noqa: ANN401 - torch fills plain dicts only
        return {}


class _DType:
    """What a pickle says about the type of an array."""

    def __init__(self, code: str = "", *_: object) -> None:
        self.code, self.order = str(code), "="

    def __setstate__(self, state: Sequence[Any]) -> None:
        self.order = state[1] if state[1] in ("<", ">") else "="


class PickledArray:
    """What a pickle says about a NumPy array."""

    def __init__(self, *_: object) -> None:
        self._state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take version, shape, type, order of the axes and bytes, as NumPy writes them."""
        self._state = state

    def tensor(self) -> Tensor:
        """Make the tensor of its values.

        Raises:
            ValueError: It does not hold numbers, or fewer than it declares.
            TypeError: The same.
        """
        _, shape, dtype, by_columns, data = self._state
        values = np.frombuffer(data, np.dtype(dtype.code).newbyteorder(dtype.order))
        array = values.reshape(shape, order="F" if by_columns else "C")
        return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


_ARRAYS: dict[str, type] = {
    "numpy.ndarray": StandIn,
    "numpy.dtype": _DType,
    "numpy.core.multiarray._reconstruct": PickledArray,
    "numpy._core.multiarray._reconstruct": PickledArray,
    "collections.defaultdict": _Dict,
}


def harmless_objects() -> list[Any]:
    """Return stand-ins by the names of harmless objects, for `torch.serialization.safe_globals`."""
    stand_ins = dict.fromkeys(UNUSED, StandIn) | _ARRAYS
    return [_named(name, stand_in) for name, stand_in in stand_ins.items()]


def _named(full_name: str, stand_in: type) -> type:
    """Make a class that torch takes for the one of this name."""
    module, _, name = full_name.rpartition(".")
    return type(name, (stand_in,), {"__module__": module})


def is_archive(path: Path) -> bool:
    """Whether a file is an archive in the eyes of torch, which looks at its first bytes only."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def objects_in(path: Path) -> list[str]:
    """Name the classes and functions in a pickle that are not harmless, with the key that each is under.

    Args:
        path: A file of ``torch.save``.

    Returns:
        Such as "torch.nn.modules.linear.Linear under model"; empty if there are none, or the file is damaged.
    """
    harmless = {*UNUSED, *_ARRAYS, "builtins.set", "collections.OrderedDict", "collections.Counter"}
    found: dict[str, str] = {}
    with suppress(Exception):  # of a damaged pickle, what was found until there is named
        for name, key in _named_objects(path):
            if name not in harmless and not name.startswith(("torch._utils.", "torch.storage.", "torch.Size")):
                found.setdefault(name, key)
    tensors = {name for name in found if name.startswith("torch.") and name.endswith("Storage")}
    return [f"{name} under {key}" if key else name for name, key in found.items() if name not in tensors]


def _named_objects(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of every class and function in a file's pickles, and the last short text before it: its key."""
    if is_archive(path):
        with zipfile.ZipFile(path) as archive:
            member = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            with archive.open(member) as file:
                yield from _in_stream(file)
    else:
        with path.open("rb") as file:
            for _ in range(_STREAMS):
                yield from _in_stream(file)


def _in_stream(file: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any binary file
    texts: list[str] = []
    memo: dict[int, str] = {}
    for operation, argument, _ in pickletools.genops(file):
        name = operation.name
        if "UNICODE" in name:
            texts.append(str(argument))
        elif "PUT" in name and texts:
            memo[int(argument or 0)] = texts[-1]
        elif "GET" in name and int(argument or 0) in memo:
            texts.append(memo[int(argument or 0)])
        elif name == "GLOBAL":
            yield str(argument).replace(" ", ".").replace("__builtin__.", "builtins."), _short(texts[-1:])
        elif name == "STACK_GLOBAL" and len(texts) > 1:
            yield ".".join(texts[-2:]), _short(texts[-3:-2])


def _short(texts: Sequence[str]) -> str:
    return next((text for text in texts if len(text) <= 60 and text.isprintable()), "")
