"""Everything a network costs, in one object; whatever cannot be found out carries its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from srbench.errors import SrbenchError
from srbench.naming import Scale
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.backends import Backend, prepare
from srbench.profiling.complexity import Macs, count_deployed_parameters, count_macs, count_parameters, lr_size
from srbench.profiling.latency import Latency, measure_latency
from srbench.profiling.machine import this_machine
from srbench.profiling.memory import Work, peak_memory
from srbench.profiling.settings import Profiling
from srbench.records import Measured, Profile

EAGER = Backend()
NOT_ASKED = Measured(reason="this measurement was turned off")


def profile_network(
    spec: ArchitectureSpec,
    scale: Scale,
    profiling: Profiling,
    device: str,
    plugin_files: Sequence[str] = (),
    backend: Backend = EAGER,
) -> Profile:
    """Measure one architecture at one scale, with fresh weights.

    Counts and times are those of the network itself, on the channels it takes; what surrounds a luma network (colour
    conversion, bicubic chroma) is not its own.

    Args:
        spec: The architecture.
        scale: The factor.
        profiling: Input size and time budget.
        device: Where latency and memory are measured.
        plugin_files: Single-file plugins that the memory measurement has to load in its own process.
        backend: What latency is measured in; memory is that of plain PyTorch in fp32.
    """
    channels = 1 if spec.channels == "y" else 3

    def run(network: nn.Module, lr: Tensor) -> object:
        return network(lr, scale) if spec.multi_scale else network(lr)

    network = spec.network(scale).eval()
    count = {
        size: _try(lambda size=size: count_macs(lambda: spec.network(scale), run, padded_size(spec, size), channels))  # type: ignore[misc]
        for size in (lr_size(scale), (256, 256))
    }
    large, square = count[lr_size(scale)], count[256, 256]
    size = padded_size(spec, (profiling.latency_height, profiling.latency_width))
    lr = torch.rand((1, channels, *size), generator=torch.Generator().manual_seed(0))
    lr = (lr * spec.input_range).to(device)
    network.to(device)

    def timed() -> Latency:
        module = _AtScale(network, scale) if spec.multi_scale else network
        forward = module if backend == EAGER else prepare(module, backend, lr)  # which would run it once more

        def once() -> object:
            with torch.inference_mode():
                return forward(lr)

        seconds, repeats = profiling.latency_seconds, profiling.latency_repeats
        return measure_latency(once, device, budget_s=seconds, min_repeats=repeats)

    latency = _try(timed)
    fixed = count_parameters(network) == 0
    return Profile(
        parameters=Measured(value=count_parameters(network)),
        parameters_deployed=_value(_try(lambda: count_deployed_parameters(network)), float),
        macs_720p_g=_macs(large, fixed=fixed),
        macs_256_g=_macs(square, fixed=fixed),
        uncounted_operators=large.uncounted if isinstance(large, Macs) else (),
        activations_m=_value(square, lambda m: m.activations / 1e6),
        latency_ms_p50=_value(latency, lambda t: t.p50_ms),
        latency_ms_p90=_value(latency, lambda t: t.p90_ms),
        latency_low_ms=None if isinstance(latency, str) else latency.low_ms,
        latency_high_ms=None if isinstance(latency, str) else latency.high_ms,
        latency_input=f"{size[0]}x{size[1]}",
        backend=backend.name.removesuffix(f"-{backend.precision}"),
        precision=backend.precision,
        peak_memory_mib=_memory(spec, scale, size, device, plugin_files) if profiling.memory else NOT_ASKED,
        machine=this_machine().id,
    )


class _AtScale(nn.Module):
    """A multi-scale network as one of a single scale."""

    def __init__(self, network: nn.Module, scale: Scale) -> None:
        super().__init__()
        self.network, self.scale = network, scale

    def forward(self, lr: Tensor) -> Tensor:
        sr: Tensor = self.network(lr, self.scale)
        return sr


def padded_size(spec: ArchitectureSpec, size: tuple[int, int]) -> tuple[int, int]:
    """Height and width, enlarged as `srbench.networks.network.Network` would pad them."""
    height, width = (-(-max(side, spec.min_size) // spec.size_multiple) * spec.size_multiple for side in size)
    return height, width


def _try(work: Callable[[], Any]) -> Any:  # noqa: ANN401 - the result, or why there is none
    try:
        return work()
    except SrbenchError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a network's own failure is a reason, not a crash
        return f"{type(error).__name__}: {error}"


def _value(result: Any, number: Callable[[Any], float]) -> Measured:  # noqa: ANN401
    return Measured(reason=result) if isinstance(result, str) else Measured(value=number(result))


def _macs(result: Any, *, fixed: bool) -> Measured:  # noqa: ANN401
    if fixed:
        return Measured(reason="a fixed operator without weights; MACs are a figure for networks")
    return _value(result, lambda m: m.total / 1e9)


def _memory(
    spec: ArchitectureSpec, scale: Scale, size: tuple[int, int], device: str, plugin_files: Sequence[str]
) -> Measured:
    work = Work(
        "srbench.profiling.profile:forward_of",
        {
            "name": spec.name,
            "scale": scale,
            "height": size[0],
            "width": size[1],
            "device": device,
            "plugin_files": list(plugin_files),
        },
        device,
    )
    (result,) = peak_memory([work])
    return Measured(reason=str(result)) if isinstance(result, SrbenchError) else Measured(value=result.total_mib)


def forward_of(
    name: str, scale: Scale, height: int, width: int, device: str, plugin_files: Sequence[str]
) -> tuple[nn.Module, Callable[[], object]]:
    """Build a network by name in another process; see `srbench.profiling.memory.Work`."""
    from srbench.catalog.catalog import load_catalog

    spec = load_catalog([Path(path) for path in plugin_files]).architectures[name]
    network = spec.network(scale).eval().to(device)
    lr = torch.rand(1, 1 if spec.channels == "y" else 3, height, width, device=device) * spec.input_range

    def forward() -> object:
        with torch.inference_mode():
            return network(lr, scale) if spec.multi_scale else network(lr)

    return network, forward
