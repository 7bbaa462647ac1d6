"""The bytes of all tensors that are alive while code runs, counted operator by operator on any device."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors alive while it lasts, each memory once, in whichever thread they are made.

    Attributes:
        peak: The most there were.
    """

    def __init__(self, standing: Iterable[Tensor] = ()) -> None:
        """Start with the tensors that are there already."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._now = 0
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        for tensor in standing:
            self._see(tensor)

    def __torch_dispatch__(  # the arguments and results of any operator
        self,
        function: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Let the operator run, and look at what it made."""
        made = function(*args, **(kwargs or {}))
        for tensor in tensors_of(made):
            self._see(tensor)
        return made

    def _see(self, tensor: Tensor) -> None:
        memory = tensor.untyped_storage()
        place, size = memory._cdata, memory.nbytes()
        if place in self._known:
            return

        def freed(_: object) -> None:
            del self._known[place]
            self._now -= size

        self._known[place] = weakref.ref(memory, freed)
        self._now += size
        self.peak = max(self.peak, self._now)


def tensors_of(tree: object) -> Iterator[Tensor]:
    """Yield the tensors in nested tuples, lists and dicts."""
    return (leaf for leaf in tree_iter(tree) if isinstance(leaf, Tensor))
