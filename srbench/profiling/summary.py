"""Summarise a network as a tree of its modules, with the cost of each; repeated modules share a row.

The network itself, plain containers and every module that does at least half of the network's work are opened.
Neighbours of the same form share one row, ``0…31: 32 × ResidualBlock``, and are opened once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.complexity import count_parameters, forward_at, input_shape, without_computing
from srbench.profiling.operators import FORMULAS
from srbench.scales import Scale

SIDE = 48
"""Side of the LR image that shapes are given for, in pixels; padded if the network requires more."""
CONTAINERS = {nn.Sequential, nn.ModuleList, nn.ModuleDict}
"""Modules that are always opened."""


@dataclass(frozen=True, slots=True)
class Part:
    """A module, or several neighbours of the same form.

    Counts are for the row in the whole network: over all its repeats in all repeats of the module that it belongs to.
    """

    name: str
    """Its name in the module that it belongs to: "tail", or "0…31" for repeats; empty for the network."""
    kind: str
    """Its class, with the kernel of a convolution; several in parentheses if modules of several forms alternate."""
    repeats: int
    """How often the module, or the group of alternating modules, occurs."""
    output: tuple[int, ...] | None
    """The shape of its output, without a batch of one; None if it is not called or does not return a tensor."""
    parameters: int
    """Trainable parameters."""
    macs: int
    """Multiply-accumulates for an LR image of 48 x 48, over all its calls."""
    parts: tuple[Part, ...] = ()
    """The modules in it, if it is opened."""


def summarise(spec: ArchitectureSpec, scale: Scale) -> Part:
    """Summarise an architecture on meta tensors, without memory for weights or features.

    Args:
        spec: The architecture.
        scale: The factor.

    Returns:
        The whole network with its parts.

    Raises:
        UnavailableError: The network cannot be traced; see `srbench.profiling.complexity.without_computing`.
    """
    forward = forward_at(spec, scale)

    def trace(network: nn.Module, lr: Tensor) -> Part:
        with _watched(network) as seen, torch.no_grad():
            forward(network, lr)
        return _Tree(seen, seen.macs.get(network, 0)).part("", [network])

    return without_computing(lambda: spec.network(scale), trace, input_shape(spec, (SIDE, SIDE)))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Work and output of each module in one pass; modules that are not called are missing."""

    macs: dict[nn.Module, int] = field(default_factory=dict)
    output: dict[nn.Module, tuple[int, ...]] = field(default_factory=dict)


@contextmanager
def _watched(network: nn.Module) -> Iterator[_Seen]:
    seen = _Seen()
    begun: list[int] = []
    counter = FlopCounterMode(display=False, custom_mapping=FORMULAS)

    def begin(_: nn.Module, __: object) -> None:
        begun.append(counter.get_total_flops())

    def end(module: nn.Module, _: object, made: object) -> None:
        seen.macs[module] = seen.macs.get(module, 0) + (counter.get_total_flops() - begun.pop()) // 2
        made = made[0] if isinstance(made, tuple) and made else made  # sr, before the map of its uncertainty
        if isinstance(made, Tensor):
            seen.output[module] = tuple(made.shape[1:] if made.shape[:1] == (1,) else made.shape)

    hooks = [
        hook
        for module in network.modules()
        for hook in (module.register_forward_pre_hook(begin), module.register_forward_hook(end))
    ]
    try:
        with counter:
            yield seen
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True, slots=True)
class _Tree:
    """Makes parts from what was seen; ``whole`` is the count of the network."""

    seen: _Seen
    whole: int

    def part(self, name: str, same: Sequence[nn.Module], repeats: int = 1) -> Part:
        """Make the part of modules of one form, of which ``repeats`` belong to one parent."""
        opened = not name or type(same[0]) in CONTAINERS or sum(map(self._macs, same)) * 2 >= self.whole > 0
        return self._row(name, _kind(same[0]), same, repeats, self._parts(same) if opened else ())

    def _row(
        self, name: str, kind: str, modules: Sequence[nn.Module], repeats: int, parts: tuple[Part, ...] = ()
    ) -> Part:
        parameters, macs = sum(map(count_parameters, modules)), sum(map(self._macs, modules))
        return Part(name, kind, repeats, self.seen.output.get(modules[-1]), parameters, macs, parts)

    def _macs(self, module: nn.Module) -> int:
        """Count a module, or its children if it is a list that is not called itself."""
        return self.seen.macs[module] if module in self.seen.macs else sum(map(self._macs, module.children()))

    def _parts(self, same: Sequence[nn.Module]) -> tuple[Part, ...]:
        names = [name for name, _ in same[0].named_children()]
        if not names:
            return ()
        parts = [
            Part(name, "Parameter", 1, None, weight.numel() * len(same) * weight.requires_grad, 0)
            for name, weight in same[0].named_parameters(recurse=False)
        ]
        inside = [list(module.children()) for module in same]
        # Only numbered modules may share a row: names have a meaning.
        forms = [_form(child) if name.isdigit() else name for name, child in zip(names, inside[0], strict=True)]
        for start, period, times in _repeats(forms):
            stop = start + period * times
            name = names[start] if stop == start + 1 else f"{names[start]}…{names[stop - 1]}"
            children = [child for modules in inside for child in modules[start:stop]]
            if period == 1:
                parts.append(self.part(name, children, times))
            else:
                parts.append(self._row(name, f"({', '.join(map(_kind, children[:period]))})", children, times))
        return tuple(parts)


def _kind(module: nn.Module) -> str:
    kernel = getattr(module, "kernel_size", None)
    return type(module).__name__ + (f" {'×'.join(map(str, kernel))}" if isinstance(kernel, tuple) else "")


def _form(module: nn.Module) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """Return what is equal for modules of the same form."""
    return repr(module), tuple(tuple(weight.shape) for weight in module.parameters())


def _repeats(forms: Sequence[object]) -> Iterator[tuple[int, int, int]]:
    """Cut a row into runs, each as ``(start, period, times)``: the longest repetition that begins there."""
    start = 0
    while start < len(forms):
        left = len(forms) - start
        found = [(period, _times(forms[start:], period)) for period in range(1, left // 2 + 1)]
        period, times = max(found, key=lambda run: run[0] * run[1] if run[1] > 1 else 1, default=(1, 1))
        if times == 1:
            period = 1
        yield start, period, times
        start += period * times


def _times(forms: Sequence[object], period: int) -> int:
    """Return how often the first ``period`` forms follow one another."""
    times = 1
    while forms[times * period : (times + 1) * period] == forms[:period]:
        times += 1
    return times
