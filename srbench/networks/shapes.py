"""Names and shapes of the weights of every architecture, kept in the cache since building networks takes seconds."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Protocol

import torch

from srbench.errors import SrbenchError, StoreError
from srbench.files import atomic_write, cache_root
from srbench.networks.spec import ArchitectureSpec

Shapes = Mapping[str, tuple[int, ...]]
_BUILDING_S = 0.4
"""Seconds of this process that one look at all architectures may spend on building networks."""


class Architectures(Protocol):
    """Every architecture by name."""

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""

    def __getitem__(self, name: str) -> ArchitectureSpec:
        """Return the spec of this name."""

    def code_hash(self, name: str) -> str:
        """Return a hash of the code behind a name."""


def scales_of(spec: ArchitectureSpec) -> list[int | None]:
    """Return the scales for which its networks may differ; [None] for one network with several scales."""
    return [None] if spec.multi_scale else [*sorted(spec.scales)]


def shapes_of(known: Architectures, name: str, scale: int | None) -> Shapes:
    """Return the shapes of an architecture's weights; of none if it cannot be built without memory."""
    stored = _stored(known, name, scale)
    return stored if stored is not None else _built(known, name, scale)


def all_shapes(known: Architectures, wanted: str, keys: Iterable[str]) -> Iterator[tuple[str, int | None, Shapes]]:
    """Yield name, scale and shapes of all architectures in the cache, and of the likeliest others.

    Args:
        known: The architectures.
        wanted: The one that the weights are meant for; built before the others, with those that its file declares.
        keys: The keys of the weights: architectures whose code mentions their parts are built next, as far as time
            allows.
    """
    absent: list[tuple[str, int | None]] = []
    for name in known:
        for scale in scales_of(known[name]):
            shapes = _stored(known, name, scale)
            if shapes is None:
                absent.append((name, scale))
            else:
                yield name, scale, shapes
    parts = {part for key in keys for part in key.split(".") if not part.isdecimal()}
    files = {name: _file_of(known[name]) for name, _ in absent}
    own = _file_of(known[wanted])
    likeliest = sorted(
        absent, key=lambda one: (one[0] != wanted, files[one[0]] != own, -_mentioned(files[one[0]], parts))
    )
    end = time.process_time() + _BUILDING_S
    for name, ones in groupby(likeliest, key=itemgetter(0)):
        if time.process_time() > end:
            return
        yield from ((name, scale, _built(known, name, scale)) for _, scale in ones)


def _file_of(spec: ArchitectureSpec) -> str:
    build = spec.build.func if isinstance(spec.build, partial) else spec.build
    return getattr(sys.modules.get(getattr(build, "__module__", "")), "__file__", None) or ""


def _mentioned(file: str, parts: Iterable[str]) -> int:
    text = ""
    with suppress(OSError, ValueError):
        text = Path(file).read_text(encoding="utf-8")
    return sum(f"self.{part} " in text or f'"{part}"' in text for part in parts)


def _file(known: Architectures, name: str, scale: int | None) -> Path:
    decides = (name, scale, known.code_hash(name), known[name].extra_hash, torch.__version__)
    return cache_root() / "shapes" / f"{hashlib.sha256(repr(decides).encode()).hexdigest()[:32]}.json"


def _stored(known: Architectures, name: str, scale: int | None) -> Shapes | None:
    try:
        found = json.loads(_file(known, name, scale).read_bytes())
        return {str(key): tuple(map(int, shape)) for key, shape in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _built(known: Architectures, name: str, scale: int | None) -> Shapes:
    spec, shapes = known[name], {}
    # A network that cannot be built without memory is only left out of the advice.
    with suppress(SrbenchError, RuntimeError, TypeError, ValueError, NotImplementedError, AttributeError):
        with torch.device("meta"):
            module = spec.build() if scale is None else spec.build(scale)
        shapes = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    with suppress(StoreError):  # a cache that cannot be written costs time alone
        atomic_write(_file(known, name, scale), json.dumps(shapes))
    return shapes
