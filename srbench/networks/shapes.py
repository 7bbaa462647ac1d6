"""Names and shapes of the weights of every architecture, kept in the cache since building networks takes seconds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from srbench.errors import SrbenchError, StoreError
from srbench.files import atomic_write, cache_root
from srbench.networks.spec import ArchitectureSpec
from srbench.scales import Scale

Shapes = Mapping[str, tuple[int, ...]]
_FACTORIES = (torch.empty, torch.rand, torch.randn)
_FILLS = frozenset(
    f"{name}_" for name in ("uniform", "kaiming_uniform", "normal", "constant", "zero", "fill", "copy", "clamp")
) | {"add_", "sub_", "mul_", "div_", "erfinv_"}


class Architectures(Protocol):
    """Every architecture by name."""

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""

    def __getitem__(self, name: str) -> ArchitectureSpec:
        """Return the spec of this name."""

    def code_hash(self, name: str) -> str:
        """Return a hash of the code behind a name."""


def scales_of(spec: ArchitectureSpec) -> list[Scale | None]:
    """Return the scales for which its networks may differ; [None] for one network with several scales."""
    return [None] if spec.one_network else [*sorted(spec.scales)]


def shapes_of(known: Architectures, name: str, scale: Scale | None) -> Shapes:
    """Return the shapes of an architecture's weights, and keep them; of none if it cannot be built without memory."""
    stored = stored_shapes(known, name, scale)
    return stored if stored is not None else _built(known, name, scale)


def stored_shapes(known: Architectures, name: str, scale: Scale | None) -> Shapes | None:
    """Return the shapes of an architecture's weights; None if the cache does not have them."""
    try:
        found = json.loads(_file(known, name, scale).read_bytes())
        return {str(key): tuple(map(int, shape)) for key, shape in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _file(known: Architectures, name: str, scale: Scale | None) -> Path:
    decides = (name, scale, known.code_hash(name), known[name].extra_hash, torch.__version__)
    return cache_root() / "shapes" / f"{hashlib.sha256(repr(decides).encode()).hexdigest()[:32]}.json"


class _WithoutValues(TorchFunctionMode):
    """Make the tensors that a network is to fill without memory, and do not fill them.

    ``torch.device("meta")`` puts small constants there too, and the first computation with one imports the compiler of
    PyTorch, which takes over a second.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None  # noqa: ANN401 - torch's signature
    ) -> Any:  # fmt: skip  # noqa: ANN401 - any value of torch
        given = dict(kwargs or {})
        if func in _FACTORIES and given.get("device") is None:
            given["device"] = "meta"
        elif getattr(func, "__name__", "") in _FILLS:
            filled = args[0] if args else given.get("tensor")
            if isinstance(filled, Tensor) and filled.is_meta:
                return filled
        return func(*args, **given)


def _built(known: Architectures, name: str, scale: Scale | None) -> Shapes:
    spec, shapes = known[name], {}
    # A network that cannot be built without memory is only left out of the advice.
    with suppress(SrbenchError, RuntimeError, TypeError, ValueError, NotImplementedError, AttributeError):
        with torch.random.fork_rng(devices=[]), _WithoutValues():
            module = spec.build() if scale is None else spec.build(scale)
        shapes = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    with suppress(StoreError):  # a cache that cannot be written costs time alone
        atomic_write(_file(known, name, scale), json.dumps(shapes))
    return shapes
