"""Run the network of an architecture alone, without the padding and the colour conversion that srbench adds."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from srbench.naming import Scale
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.complexity import Macs, count_macs


def forward_at(spec: ArchitectureSpec, scale: Scale) -> Callable[[nn.Module, Tensor], Tensor]:
    """Return what calls a network of ``spec`` on an LR image."""

    def forward(network: nn.Module, lr: Tensor) -> Tensor:
        sr: Tensor = network(lr, scale) if spec.multi_scale else network(lr)
        return sr

    return forward


def input_shape(spec: ArchitectureSpec, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the shape (1, C, h, w) of an LR image of ``size``, enlarged as `srbench.Network` would pad it."""
    height, width = (-(-max(side, spec.min_size) // spec.size_multiple) * spec.size_multiple for side in size)
    return 1, spec.colours, height, width


def macs_at(spec: ArchitectureSpec, scale: Scale, size: tuple[int, int]) -> Macs:
    """Count the multiply-accumulates on an LR image of ``size``, enlarged as in `input_shape`.

    Raises:
        UnavailableError: See `srbench.profiling.complexity.count_macs`.
    """
    _, channels, *padded = input_shape(spec, size)
    return count_macs(lambda: spec.network(scale), forward_at(spec, scale), (padded[0], padded[1]), channels)
