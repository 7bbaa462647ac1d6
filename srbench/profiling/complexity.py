"""Count parameters, multiply-accumulates and activations of a network without computing a pixel.

Papers write "FLOPs" and mean multiply-accumulates (MACs): a multiplication with its addition is one, so the count of
PyTorch's ``FlopCounterMode``, which counts two, is halved here. The network runs on *meta* tensors, which have a shape
and no values, so that a 1280×720 output takes milliseconds. A network that cannot run on them (because it builds
tensors on the CPU) runs under ``FakeTensorMode`` instead.

``Macs.uncounted`` names every operator that ran, does more than a few operations a value, and has no formula. PyTorch
has formulas for convolutions, matrix products and attention; here are formulas for Fourier transforms and for the
operators of attention on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from srbench.errors import UnavailableError
from srbench.networks.deployed import deployed_module
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.operators import CONVOLUTIONS, FORMULAS, PRICED, is_cheap, is_colour_normalisation
from srbench.scales import Scale, crop_size, lr_size

T = TypeVar("T")
Size = tuple[int, ...]
Run = Callable[[nn.Module, Tensor], object]
"""How a network is called: ``lambda network, lr: network(lr)``, or as `ArchitectureSpec.arguments` says."""


@dataclass(frozen=True, slots=True)
class Macs:
    """The work of one forward pass.

    Attributes:
        total: Multiply-accumulates.
        activations: Output values of all convolutions, the "activations" of the NTIRE efficiency reports.
        uncounted: Operators that ran, do more than a few operations a value, and are not in ``total``; sorted.
    """

    total: int
    activations: int
    uncounted: tuple[str, ...]


def lr_size_720p(scale: Scale) -> tuple[int, int]:
    """Return height and width of the LR image for a 720p output, for which papers give their MACs; rounded down."""
    return lr_size(crop_size((720, 1280), scale), scale)


def count_parameters(network: nn.Module) -> int:
    """Count trainable parameters as papers do, without frozen constants such as a mean shift.

    Pass a freshly built network: a network that was frozen to be a teacher has no trainable parameters.
    """
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def count_deployed_parameters(network: nn.Module) -> int:
    """Count the parameters after `deployed_module`, without those that were frozen constants before."""
    # Folding may detach parameters, so requires_grad means nothing afterwards; the names from before identify them.
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    return sum(
        parameter.numel() for name, parameter in deployed_module(network).named_parameters() if name not in frozen
    )


def count_macs(build: Callable[[], nn.Module], run: Run, input_size: tuple[int, int], channels: int = 3) -> Macs:
    """Count the multiply-accumulates of a forward pass on one LR image.

    Colour normalisation is not counted: a 1×1 convolution between at most four channels whose weight is a frozen
    parameter (the mean shift of the EDSR family). It can be folded into its neighbours for deployment, and is free in a
    network that subtracts the mean instead; the published counts do not include it either.

    Args:
        build: Makes the network; see `without_computing`.
        run: Calls it.
        input_size: Height and width of the LR image.
        channels: Channels of the LR image.

    Raises:
        UnavailableError: The network runs neither on meta nor on fake tensors.
    """
    return without_computing(build, lambda network, lr: _trace(network, run, lr), (1, channels, *input_size))


def without_computing(build: Callable[[], nn.Module], work: Callable[[nn.Module, Tensor], T], shape: Size) -> T:
    """Work with a network and an LR image that have shapes and no values, so that they take no memory and no time.

    Args:
        build: Makes the network; called up to three times, the first time on the meta device.
        work: Takes the network, in eval mode, and the image.
        shape: The image's, (N, C, h, w).

    Returns:
        What ``work`` returns.

    Raises:
        UnavailableError: It fails on meta tensors and on fake tensors.
    """
    reasons = []
    for way in (_built_on_meta, _moved_to_meta, _faked):
        try:
            return way(build, work, shape)
        except Exception as error:  # noqa: BLE001 - a network may raise anything
            reasons.append(error)
    _, on_meta, on_fake = reasons
    raise UnavailableError(
        f"MACs cannot be counted without computing: on meta tensors the network raises {_brief(on_meta)}, "
        f"on fake tensors {_brief(on_fake)}."
    ) from on_fake


def forward_at(spec: ArchitectureSpec, scale: Scale) -> Callable[[nn.Module, Tensor], Tensor]:
    """Return a function that calls a network of ``spec`` on an LR image, without srbench's padding and colours.

    A network that draws sr is evaluated as often as its first sampler asks by default. One that is fitted to each image
    is evaluated once, without a fit, by the module's ``once(lr)``; see `srbench.networks.per_image`.
    """
    if spec.fitting:
        return partial(_once, spec)

    def forward(network: nn.Module, lr: Tensor) -> Tensor:
        sr: Tensor = network(*spec.arguments(lr, scale))
        return sr

    return forward


def _once(spec: ArchitectureSpec, network: nn.Module, lr: Tensor) -> Tensor:
    once: Callable[[Tensor], Tensor] | None = getattr(network, "once", None)
    if once is None:
        raise UnavailableError(f"{spec.name} is fitted to each image, and has no method once(lr) to evaluate it.")
    return once(lr)


def input_shape(spec: ArchitectureSpec, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the shape (1, C, h, w) of an LR image of ``size``, enlarged as `srbench.Network` would pad it."""
    height, width = (-(-max(side, spec.min_size) // spec.size_multiple) * spec.size_multiple for side in size)
    return 1, spec.colours, height, width


def macs_at(spec: ArchitectureSpec, scale: Scale, size: tuple[int, int]) -> Macs:
    """Count the multiply-accumulates on an LR image of ``size``, enlarged as in `input_shape`.

    Raises:
        UnavailableError: See `count_macs`.
    """
    _, channels, *padded = input_shape(spec, size)
    return count_macs(lambda: spec.network(scale), forward_at(spec, scale), (padded[0], padded[1]), channels)


def _built_on_meta(build: Callable[[], nn.Module], work: Callable[[nn.Module, Tensor], T], shape: Size) -> T:
    with torch.device("meta"):  # so that weights take no memory and no time to draw
        network = build().eval()
    return work(network, torch.empty(shape, device="meta"))


def _moved_to_meta(build: Callable[[], nn.Module], work: Callable[[nn.Module, Tensor], T], shape: Size) -> T:
    return work(build().eval().to("meta"), torch.empty(shape, device="meta"))


def _faked(build: Callable[[], nn.Module], work: Callable[[nn.Module, Tensor], T], shape: Size) -> T:
    from torch._subclasses import FakeTensorMode

    network = build().eval()
    with FakeTensorMode(allow_non_fake_inputs=True):
        return work(network, torch.empty(shape))


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__} ({lines[0][:120]})" if lines else type(error).__name__


def _trace(network: nn.Module, run: Run, lr: Tensor) -> Macs:
    watch = _Watch()
    counter = FlopCounterMode(display=False, custom_mapping=FORMULAS)
    # The counter is outermost, so that the pieces into which it decomposes an operator are seen.
    with torch.no_grad(), watch, counter:
        run(network, lr)
    return Macs(counter.get_total_flops() // 2, watch.activations, tuple(sorted(watch.seen_unknown)))


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Collects the operators without a formula, and the sizes of the convolutions' outputs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.activations = 0
        self.seen_unknown: set[str] = set()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> object:
        out = func(*args, **(kwargs or {}))
        packet = getattr(func, "_overloadpacket", func)
        if packet in CONVOLUTIONS:
            if not is_colour_normalisation(args[1]):
                self.activations += out.numel()
        elif packet not in PRICED and not is_cheap(func):
            self.seen_unknown.add(str(packet).replace("aten.", ""))
        return out
