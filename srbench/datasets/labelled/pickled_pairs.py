"""Verification sets as pickles: ``(encoded images, flags)`` in ``lfw.bin``, ``agedb_30.bin``, ``cfp_fp.bin``.

The pickle is never executed: its instructions are walked, and all but those that make lists, tuples, bytes and booleans
are refused. Two images that follow each other are a pair.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from srbench.errors import DataError
from srbench.files import cache_root, made_once, sha256_of

_SIGNATURES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}
_MARK = object()


def read_pickled(path: Path) -> tuple[list[bytes], list[bool]]:
    """Read the images, as encoded files, and whether each pair is genuine.

    Raises:
        DataError: It cannot be read, holds other objects or is not such a set.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error
    try:
        whole = _walk(content)
    except _RefusedError as reason:
        raise DataError(
            f"{path} is a pickle with {reason}, which could run code and is not read; export its images as files and "
            "its flags as lines of LEFT RIGHT FLAG."
        ) from reason
    except Exception as error:  # a damaged pickle can make the walk raise anything
        raise DataError(f"{path} is not a sound pickle; fetch or copy it again.") from error
    match whole:
        case ([*images], [*flags]) if (
            len(images) == 2 * len(flags)
            and all(isinstance(image, bytes) for image in images)
            and all(flag in (0, 1) for flag in flags)
            and sum(map(len, images)) <= len(content)
        ):
            return images, [bool(flag) for flag in flags]
    raise DataError(f"{path} does not hold two images for each flag; it is not a set of pairs.")


def write_images(source: Path, encoded: Sequence[bytes]) -> Mapping[str, Path]:
    """Write images into the cache folder, once for each source.

    Args:
        source: The pickle that they come from.
        encoded: JPEG or PNG files.

    Returns:
        The files by name, from 00001.

    Raises:
        DataError: An image is neither JPEG nor PNG.
        StoreError: The cache folder cannot be written.
    """
    files = {}
    for number, image in enumerate(encoded, 1):
        suffix = next((suffix for start, suffix in _SIGNATURES.items() if image.startswith(start)), None)
        if suffix is None:
            raise DataError(f"Image {number} in {source} is neither JPEG nor PNG; export the images as files.")
        files[f"{number:05d}"] = f"{number:05d}{suffix}"

    def make(folder: Path) -> None:
        for file, image in zip(files.values(), encoded, strict=True):
            (folder / file).write_bytes(image)

    folder = made_once(cache_root() / "pickled_pairs" / sha256_of(source)[:32], make)
    return {name: folder / file for name, file in files.items()}


class _RefusedError(Exception):
    """An instruction that makes anything but the allowed objects; its text names it."""


def _walk(content: bytes) -> Any:  # noqa: ANN401 - what the pickle holds
    stack: list[Any] = []
    memory: dict[Any, Any] = {}
    for instruction, argument, _ in pickletools.genops(io.BytesIO(content)):
        name = instruction.name
        if name == "STOP":
            return stack[-1]
        if name == "MEMOIZE":
            memory[len(memory)] = stack[-1]
        elif name in {"PUT", "BINPUT", "LONG_BINPUT"}:
            memory[argument] = stack[-1]
        elif name in {"GET", "BINGET", "LONG_BINGET"}:
            stack.append(memory[argument])
        elif name in _MAKERS:
            stack.append(_MAKERS[name](argument))
        elif name in _GATHERERS:
            _GATHERERS[name](stack)
        elif name not in {"PROTO", "FRAME"}:
            raise _RefusedError(f"the instruction {name}")
    raise EOFError


def _since_mark(stack: list[Any]) -> list[Any]:
    place = next(index for index in reversed(range(len(stack))) if stack[index] is _MARK)
    items = stack[place + 1 :]
    del stack[place:]
    return items


def _pop(stack: list[Any], count: int) -> list[Any]:
    items = stack[-count:]
    del stack[-count:]
    return items


def _append(stack: list[Any], items: list[Any]) -> None:
    stack[-1].extend(items)


_MAKERS: Mapping[str, Callable[[Any], Any]] = {
    "MARK": lambda _: _MARK,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "INT": bool,  # how the oldest pickles write booleans
    "BININT1": int,
    "BINBYTES": bytes,
    "SHORT_BINBYTES": bytes,
    "BINBYTES8": bytes,
    "BINSTRING": lambda text: text.encode("latin-1"),  # the bytes of Python 2
    "SHORT_BINSTRING": lambda text: text.encode("latin-1"),
}
"""What each allowed instruction puts on the stack."""

_GATHERERS: Mapping[str, Callable[[list[Any]], None]] = {
    "LIST": lambda stack: stack.append(_since_mark(stack)),
    "TUPLE": lambda stack: stack.append(tuple(_since_mark(stack))),
    "TUPLE1": lambda stack: stack.append(tuple(_pop(stack, 1))),
    "TUPLE2": lambda stack: stack.append(tuple(_pop(stack, 2))),
    "TUPLE3": lambda stack: stack.append(tuple(_pop(stack, 3))),
    "APPEND": lambda stack: _append(stack, _pop(stack, 1)),
    "APPENDS": lambda stack: _append(stack, _since_mark(stack)),
}
"""What each allowed instruction does with the objects on the stack."""
