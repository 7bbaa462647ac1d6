"""Measure everything that a network costs; a value that cannot be measured has a reason instead."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from srbench.deploying.backend import EAGER, Backend
from srbench.deploying.spec import RuntimeSpec
from srbench.errors import SrbenchError, reason_of
from srbench.networks.deployed import deployed_module
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.complexity import (
    Macs,
    count_deployed_parameters,
    count_parameters,
    forward_at,
    input_shape,
    lr_size_720p,
    macs_at,
)
from srbench.profiling.latency import Latency, measure_latency
from srbench.profiling.machine import this_machine
from srbench.profiling.memory import Work, peak_memory
from srbench.profiling.other_work import other_work
from srbench.profiling.sessions import NOT_ASKED, session_of
from srbench.profiling.settings import Profiling
from srbench.records.costs import Profile
from srbench.records.stored import Measured
from srbench.scales import Scale, plain_scale, read_scale

T = TypeVar("T")
FIXED = Measured(reason="a fixed operator without weights; MACs are a figure for networks")
FITTED = Measured(reason="it is fitted to each image; its costs are those of one sr, beside its scores")
NO_WORK = Measured(reason="it looks values up in a table; MACs are a figure for networks")


def profile_network(
    spec: ArchitectureSpec,
    scale: Scale,
    profiling: Profiling,
    device: str,
    plugin_files: Sequence[str] = (),
    *,
    backend: Backend | None = None,
    runtime: RuntimeSpec | None = None,
    size: tuple[int, int] | None = None,
) -> Profile:
    """Measure one architecture at one scale, with fresh weights.

    Counts and times are those of the network itself, on the channels that it takes. For a network on luma they do not
    include colour conversion and bicubic chroma. Latency and memory are those of its deployed form; MACs, activations
    and ``parameters`` those of its trained form, as papers count them. All are those of one sr: a network that draws is
    evaluated as often as its first sampler asks by default, and a network that is fitted has reasons.

    Args:
        spec: The architecture.
        scale: The factor.
        profiling: Input size and time budget.
        device: Where latency and memory are measured.
        plugin_files: Single-file plugins that the process which measures memory has to load.
        backend: How the network runs for latency; None for its module as it is. Memory is that of the module.
        runtime: The runtime of ``backend``.
        size: Height and width of every input, where all have one size: the figures are of that input alone.
    """
    network = spec.network(scale).eval()
    if spec.fitting:
        return _of_a_fit(network, backend)
    counted = _try(lambda: macs_at(spec, scale, size or (256, 256)))
    shape = input_shape(spec, size or profiling.size_at(scale))
    lr = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    network.to(device)
    lr = lr.to(device)

    def timed() -> Latency:
        folded = deployed_module(network)
        with tempfile.TemporaryDirectory() as folder:
            forward: Callable[[Tensor], object] = partial(forward_at(spec, scale), folded)
            given = lr * spec.input_range
            if backend is not None and runtime is not None:
                step = 0 if size else spec.size_multiple
                forward, given = session_of(spec, scale, folded, backend, runtime, lr, Path(folder), step), lr

            def once() -> object:
                with torch.inference_mode():
                    return forward(given)

            return measure_latency(
                once, device, budget_s=profiling.latency_seconds, min_repeats=profiling.latency_repeats
            )

    with other_work(device) as others:
        latency = _try(timed)
    ran = backend or EAGER
    looked_up = _tables(network, spec.lookups) if spec.lookups else {}
    why = NO_WORK if spec.lookups else FIXED if count_parameters(network) == 0 else None
    if size is None:
        large = _try(lambda: macs_at(spec, scale, lr_size_720p(scale)))
        macs = {"macs_720p_g": _macs(large, 1e9, why), "macs_256_g": _macs(counted, 1e9, why)}
    else:
        large = counted
        macs = {"macs_input_m": _macs(counted, 1e6, why), "input_bytes": Measured(value=math.prod(shape))}
    return Profile(
        parameters=Measured(value=count_parameters(network)),
        parameters_deployed=_value(_try(lambda: count_deployed_parameters(network)), float),
        uncounted_operators=large.uncounted if isinstance(large, Macs) else (),
        activations_m=_value(counted, lambda m: m.activations / 1e6),
        **macs,
        **looked_up,
        latency_ms_p50=_value(latency, lambda t: t.p50_ms),
        latency_ms_p90=_value(latency, lambda t: t.p90_ms),
        latency_low_ms=None if isinstance(latency, str) else latency.low_ms,
        latency_high_ms=None if isinstance(latency, str) else latency.high_ms,
        latency_input="{2}x{3}".format(*shape),
        backend=ran.runtime,
        precision=ran.precision,
        peak_memory_mib=_memory(spec, scale, shape, device, plugin_files) if profiling.memory else NOT_ASKED,
        machine=this_machine().id,
        other_work=others.sentence,
    )


def _of_a_fit(network: nn.Module, backend: Backend | None) -> Profile:
    """Return the parameters of the network that is fitted, and reasons: nothing else of a fit is one forward pass."""
    ran = backend or EAGER
    parameters = Measured(value=count_parameters(network))
    return Profile(
        parameters=parameters, parameters_deployed=parameters, macs_720p_g=FITTED, macs_256_g=FITTED,
        activations_m=FITTED, latency_ms_p50=FITTED, latency_ms_p90=FITTED, peak_memory_mib=FITTED,
        backend=ran.runtime, precision=ran.precision, machine=this_machine().id,
    )  # fmt: skip


def _try(work: Callable[[], T]) -> T | str:
    """Return the result, or why there is none."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - a network's own failure is a reason, not a crash
        return reason_of(error)


def _value(result: T | str, number: Callable[[T], float]) -> Measured:
    return Measured(reason=result) if isinstance(result, str) else Measured(value=number(result))


def _tables(module: nn.Module, lookups: int) -> dict[str, Measured]:
    size = sum(buffer.numel() * buffer.element_size() for buffer in module.buffers())
    return {"table_bytes": Measured(value=size), "lookups_per_pixel": Measured(value=lookups)}


def _macs(result: Macs | str, unit: float, why_not: Measured | None) -> Measured:
    if why_not is not None:
        return why_not
    return _value(result, lambda m: m.total / unit)


def _memory(
    spec: ArchitectureSpec, scale: Scale, shape: tuple[int, ...], device: str, plugin_files: Sequence[str]
) -> Measured:
    plain = {"name": spec.name, "scale": plain_scale(scale)}  # the other process gets them as JSON
    arguments = plain | {"shape": shape, "device": device, "plugin_files": [*plugin_files]}
    (result,) = peak_memory([Work("srbench.profiling.profile:forward_of", arguments, device)])
    return Measured(reason=str(result)) if isinstance(result, SrbenchError) else Measured(value=result.total_mib)


def forward_of(
    name: str, scale: float | str, shape: Sequence[int], device: str, plugin_files: Sequence[str]
) -> tuple[nn.Module, Callable[[], object]]:
    """Build a network by name in another process; see `srbench.profiling.memory.Work`."""
    from srbench.catalog.catalog import load_catalog

    spec = load_catalog([Path(path) for path in plugin_files]).networks[name]
    factor = read_scale(scale)
    network = deployed_module(spec.network(factor)).to(device)
    lr, run = torch.rand(*shape, device=device) * spec.input_range, forward_at(spec, factor)

    def forward() -> Tensor:
        with torch.inference_mode():
            return run(network, lr)

    return network, forward
