"""Open a network in a backend, so that one object gives both its images and its times."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor, nn

from srbench.deploying.backend import Backend
from srbench.deploying.spec import Opened, RuntimeSpec, ToOpen
from srbench.errors import UnavailableError
from srbench.networks.conversion import AtScale
from srbench.networks.deployed import deployed
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.scales import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A network that runs in a backend."""

    backend: Backend
    opened: Opened
    cold_start_seconds: float
    """From the file or the module to the first sr: to read, convert, compile and run it once."""

    def __call__(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, h, w) to sr, float32, on the device of lr."""
        return self.opened.run(lr)


def open_session(
    module: nn.Module, backend: Backend, runtime: RuntimeSpec, example: Tensor, folder: Path, onnx: Path | None = None
) -> Session:
    """Open a network, and run it once.

    Args:
        module: Maps lr to sr, in eval mode; it is copied.
        backend: A precision of ``runtime``.
        runtime: What runs it.
        example: An lr (N, C, h, w) in float32 on the device to run on.
        folder: Receives the runtime's files; they must stay as long as the session.
        onnx: See `ToOpen.onnx`.

    Raises:
        UnavailableError: This machine, or this network, does not support the backend.
    """
    if backend.precision not in runtime.precisions:
        raise UnavailableError(
            f"{runtime.title} does not compute in {backend.precision}; it has {', '.join(runtime.precisions)}."
        )
    with _failing_as_reason(backend, example, (onnx, folder)):  # a file before the folder that it may be in
        given = ToOpen(
            module=copy.deepcopy(module).eval(),
            example=example,
            precision=backend.precision,
            device=example.device,
            threads=torch.get_num_threads(),
            folder=folder,
            onnx=onnx,
        )
        began = perf_counter()
        opened = runtime.open(given)
        with torch.inference_mode():
            sr = opened.run(example)
        seconds = perf_counter() - began
    if sr.dtype != torch.float32 or sr.device != example.device:
        raise UnavailableError(f"{runtime.title} returned {sr.dtype} on {sr.device}, not float32 on {example.device}.")
    return Session(backend=backend, opened=opened, cold_start_seconds=seconds)


class _failing_as_reason:  # noqa: N801 - a context manager, which reads as a phrase
    """Turn any error of a runtime or a converter into an `UnavailableError`."""

    def __init__(self, backend: Backend, example: Tensor, paths: Iterable[Path | None]) -> None:
        self.backend, self.device, self.paths = backend, example.device, paths

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, UnavailableError):
            text = str(error).strip()
            for path in filter(None, self.paths):
                text = text.replace(str(path), path.name)  # a record is read on other machines
            lines = text.splitlines() or [""]
            first = " ".join(lines[: 2 if lines[0].endswith(":") else 1])[:200]
            raise UnavailableError(
                f"The network does not run as {self.backend.name} on {self.device}: {type(error).__name__}: {first}"
            ) from error


def require_one_pass(spec: ArchitectureSpec) -> None:
    """Refuse a network that one evaluation does not apply.

    Raises:
        UnavailableError: See above.
    """
    if spec.several_passes:
        raise UnavailableError(
            f"{spec.title} {spec.several_passes}, and runtimes open networks that are evaluated once; measure it "
            "without a backend."
        )


def plain_module(network: Network, scale: Scale) -> nn.Module:
    """Return a network, in its deployed form, as a module that maps lr to sr in [0, 1], which is what runtimes open.

    Raises:
        UnavailableError: It needs more than lr, or more than one evaluation.
    """
    require_one_pass(network.spec)
    if network.spec.conditions:
        raise UnavailableError(
            f"{network.spec.title} takes {', '.join(network.spec.conditions)} beside lr, and runtimes open networks "
            "that take lr alone; measure it without a backend."
        )
    return AtScale(deployed(network), scale).eval()


def deployed_network(network: Network, run: Callable[[Tensor], Tensor]) -> Network:
    """Return a network whose calls are answered by ``run``, so that it is measured as all others are.

    Its module takes and returns values in [0, 1], and has no map of uncertainty.

    Args:
        network: The network that was opened.
        run: See `Session`.
    """
    spec = replace(
        network.spec, multi_scale=False, any_scale=False, points=False, input_range=1.0, input_mean=(), input_std=(),
        uncertainty="", representation="",
    )  # fmt: skip
    return Network(spec, _Answered(run))


class _Answered(nn.Module):
    def __init__(self, run: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.run = run

    def forward(self, lr: Tensor) -> Tensor:
        return self.run(lr.float().contiguous())
