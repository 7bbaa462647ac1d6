"""What a network costs as a backend runs it, measured on the very session that is scored."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from srbench.deploying.backend import Backend
from srbench.deploying.onnx_files import example_of, write_onnx
from srbench.deploying.opening import Session, open_session, require_one_pass
from srbench.deploying.quantisation import quantise
from srbench.deploying.settings import read_quantisation
from srbench.deploying.spec import RuntimeSpec
from srbench.errors import SrbenchError, reason_of
from srbench.files import sha256_of
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.energy import energy_mj
from srbench.profiling.latency import measure_latency
from srbench.profiling.machine import this_machine
from srbench.profiling.memory import MIB, Work, peak_memory
from srbench.profiling.other_work import other_work
from srbench.profiling.settings import Profiling
from srbench.records.costs import Deployment
from srbench.records.stored import Measured
from srbench.scales import Scale, plain_scale, read_scale

NOT_ASKED = Measured(reason="this measurement was turned off")


class Runnable(nn.Module):
    """A network as a module that maps lr in [0, 1] to its own output, without padding.

    Args:
        spec: The network's spec.
        scale: One that it has.
        network: The module itself.
    """

    def __init__(self, spec: ArchitectureSpec, scale: Scale, network: nn.Module) -> None:
        super().__init__()
        self.spec, self.scale, self.network = spec, scale, network

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, C, H, W), or to what else the network returns."""
        out: Tensor = self.network(*self.spec.arguments(lr * self.spec.input_range, self.scale))
        return out


def session_of(
    spec: ArchitectureSpec, scale: Scale, network: nn.Module, backend: Backend, runtime: RuntimeSpec, lr: Tensor,
    folder: Path, step: int,
) -> Session:  # fmt: skip
    """Open a network whose weights do not matter, to time it.

    Args:
        spec: The network's spec.
        scale: The factor.
        network: The module; int8 is calibrated on noise.
        backend: How it runs.
        runtime: The runtime of ``backend``.
        lr: (1, C, h, w) in [0, 1], to time it on.
        folder: Receives files.
        step: The sides of images are multiples of it; 0 if they are those of ``lr``.

    Raises:
        UnavailableError: The backend or the network does not work here.
    """
    require_one_pass(spec)
    module, onnx = Runnable(spec, scale, network).eval(), None
    if backend.precision in runtime.onnx:
        onnx = folder / "network.onnx"

        def quantised(content: bytes) -> bytes:
            return quantise(content, [lr.cpu().numpy()], read_quantisation(backend.quantisation))

        example = example_of(spec.colours, max(spec.min_size, step), lr.device, step) if step else lr
        write_onnx(module, example, runtime.onnx[backend.precision], onnx, quantised, step)
    return open_session(module, backend, runtime, lr, folder, onnx)


def session_costs(session: Session, lr: Tensor, profiling: Profiling, memory: Callable[[], Measured]) -> Deployment:
    """Time a session, and describe it.

    Args:
        session: The network as a backend runs it.
        lr: (N, C, h, w) that is timed, on the device to compute on; N images are one call.
        profiling: Budget; if it is not ``enabled``, nothing is timed.
        memory: Measures the memory of a process that opens the network and runs it.
    """
    file, device = session.opened.file, lr.device.type
    facts = Deployment(
        backend=session.backend.name,
        version=session.opened.version,
        file_sha256=sha256_of(file) if file else None,
        file_mib=Measured(value=file.stat().st_size / MIB) if file else Measured(reason="its runtime takes no file"),
        cold_start_ms=Measured(value=session.cold_start_seconds * 1e3),
        threads=torch.get_num_threads(),
        machine=this_machine().id,
    )
    if not profiling.enabled:
        return facts

    def once() -> object:
        with torch.inference_mode():
            return session(lr)

    with other_work(device) as others:
        timed = measure_latency(
            once, lr.device, budget_s=profiling.latency_seconds, min_repeats=profiling.latency_repeats
        )
    return facts.model_copy(
        update={
            "latency_ms_p50": Measured(value=timed.p50_ms),
            "latency_ms_p90": Measured(value=timed.p90_ms),
            "latency_low_ms": timed.low_ms,
            "latency_high_ms": timed.high_ms,
            "latency_input": "x".join(map(str, (*([len(lr)] if len(lr) > 1 else []), *lr.shape[2:]))),
            "stable": timed.stable,
            "peak_memory_mib": memory() if profiling.memory else NOT_ASKED,
            "energy_mj": _energy(once),
            "other_work": others.sentence,
        }
    )


def _energy(once: Callable[[], object]) -> Measured:
    try:
        return Measured(value=energy_mj(once))
    except SrbenchError as error:
        return Measured(reason=str(error))


def process_memory(
    architecture: str, scale: Scale, backend: Backend, onnx: Path | None, shape: Sequence[int], device: str,
    plugin_files: Sequence[str],
) -> Measured:  # fmt: skip
    """Measure the peak memory of a process that opens a network and runs it once, in a process of its own.

    Beyond what Python and the libraries take: the weights, the runtime's copy of them, and the pass. The weights are
    fresh ones, on whose values memory does not depend.
    """
    arguments = {
        "architecture": architecture, "scale": plain_scale(scale), "runtime": backend.runtime,
        "precision": backend.precision, "onnx": None if onnx is None else str(onnx), "shape": [*shape],
        "device": device, "plugin_files": [*plugin_files],
    }  # fmt: skip
    (result,) = peak_memory([Work("srbench.profiling.sessions:opening_of", arguments, device)])
    return Measured(reason=reason_of(result)) if isinstance(result, SrbenchError) else Measured(value=result.total_mib)


def opening_of(
    architecture: str, scale: float | str, runtime: str, precision: str, onnx: str | None, shape: Sequence[int],
    device: str, plugin_files: Sequence[str],
) -> tuple[nn.Module, Callable[[], object]]:  # fmt: skip
    """Prepare to open a network by name in another process; see `srbench.profiling.memory.Work`."""
    from srbench.catalog.catalog import load_catalog

    catalog = load_catalog([Path(path) for path in plugin_files])
    spec, factor = catalog.networks[architecture], read_scale(scale)
    module = Runnable(spec, factor, spec.network(factor)).eval().to(device)
    folder = tempfile.TemporaryDirectory()
    lr = torch.rand(*shape, device=device)
    backend = Backend(runtime, precision)  # type: ignore[arg-type]

    def forward() -> object:
        session = open_session(
            module, backend, catalog.runtimes[runtime], lr, Path(folder.name), Path(onnx) if onnx else None
        )
        with torch.inference_mode():
            sr = session(lr)
        folder.cleanup()
        return sr

    return nn.Module() if onnx else module, forward
