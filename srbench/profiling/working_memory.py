"""How much memory a forward pass needs, counted from shapes alone, so that tiles can be as large as memory allows."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.complexity import forward_at, input_shape, without_computing
from srbench.scales import Scale


class _Living(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sums the bytes of all tensors that are alive while it is on, each storage once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now, self.most = 0, 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, operator: Callable[..., Any], types: Any, args: tuple[Any, ...] = (),  # noqa: ANN401
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  # fmt: skip
        made = operator(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._see(tensor.untyped_storage())
        return made

    def _see(self, storage: torch.UntypedStorage) -> None:
        number, size = id(storage), storage.nbytes()
        if number in self._known:
            return
        self._known.add(number)
        self.now += size
        self.most = max(self.most, self.now)

        def gone() -> None:
            self._known.discard(number)
            self.now -= size

        weakref.finalize(storage, gone)


def working_bytes(spec: ArchitectureSpec, scale: Scale, size: tuple[int, int]) -> int:
    """Count the bytes that are alive at most while a network enlarges an image, beside weights and the image itself.

    Buffers within an operator, such as the columns of a convolution, are not seen.

    Args:
        spec: The network, which is built without memory.
        scale: The factor.
        size: Height and width of lr.

    Raises:
        UnavailableError: The network cannot be traced; see `srbench.profiling.complexity.without_computing`.
    """
    forward = forward_at(spec, scale)

    def trace(network: nn.Module, lr: Tensor) -> int:
        with torch.no_grad(), _Living() as living:
            forward(network, lr)
        return int(living.most)

    return without_computing(lambda: spec.network(scale), trace, input_shape(spec, size))
