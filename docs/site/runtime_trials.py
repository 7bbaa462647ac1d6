"""Try a network in every backend, in a process of its own with a time limit.

`start` imports and converts what all processes need, which they then get by being forked: `docs.site.runtimes` uses it.
"""

from __future__ import annotations

import json
import math
import resource
import signal
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.errors import UnavailableError, reason_of

if TYPE_CHECKING:
    from torch import nn

    from srbench.catalog.catalog import Catalog
    from srbench.deploying.backend import Precision

SECONDS = 180
"""Of a processor, for one network in all backends; not of a clock, since other work on the machine decides nothing."""
PATIENCE = 6
"""How many times as long a process may take by the clock."""
Found = dict[str, float | str]
"""The largest difference in levels by backend, or the reason why there is none."""


def smallest_first() -> list[str]:
    """Return the names of all networks, in the order of their parameters."""
    import torch

    shelf = _catalog().architectures
    with torch.device("meta"):
        sizes = {
            name: sum(p.numel() for p in shelf[name].network(min(shelf[name].scales)).parameters()) for name in shelf
        }
    return sorted(sizes, key=lambda name: (sizes[name], name))


def tried(name: str, backends: Sequence[str], seconds: int = SECONDS) -> Found:
    """Try a network in backends, in all for so many seconds of a processor; return what was found of each."""
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as said:
        process = get_context("fork").Process(target=_report, args=(name, backends, said.name, seconds))
        process.start()
        process.join(PATIENCE * seconds)
        missing = _why_it_ended(process.exitcode, seconds, len(backends))
        process.kill()
        process.join()
        found = dict(json.loads(line) for line in said)
    return {backend: found.get(backend, missing) for backend in backends}


def _why_it_ended(status: int | None, seconds: int, backends: int) -> str:
    if status in {None, -signal.SIGXCPU}:
        together = ", for all backends together" if backends > 1 else ""
        return f"It is not done within {seconds} s of one core{together}."
    if status and status < 0:
        return f"Its process was ended by {signal.Signals(-status).name}."
    return f"Its process ended with the status {status}."


def _report(name: str, backends: Sequence[str], path: str, seconds: int) -> None:
    """Append what is found to a file, a line for each backend, until the seconds are used up."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 10))
    with Path(path).open("a") as file:
        for backend, found in _tried(name, backends):
            file.write(json.dumps([backend, found]) + "\n")
            file.flush()


def start() -> None:
    """Import and convert once what all processes need, which they get by being forked."""
    import openvino  # noqa: F401 - for the processes
    import torch
    import torch._inductor.compile_fx  # likewise, for torch.compile

    torch.set_num_threads(1)  # so that this process has no other threads, which a fork would lose
    for name in _catalog().architectures:
        _ = _catalog().architectures[name]
    with tempfile.TemporaryDirectory() as folder:
        _convolution(Path(folder), "fp32")


@cache
def _catalog() -> Catalog:
    from srbench.catalog.catalog import load_catalog

    return load_catalog()


def _convolution(folder: Path, precision: Precision) -> Path:
    """Write a network of one convolution."""
    import torch

    from srbench.deploying.onnx_files import write_onnx

    path = folder / "convolution.onnx"
    write_onnx(torch.nn.Conv2d(3, 3, 3, padding=1).eval(), torch.rand(1, 3, 8, 8), precision, path)
    return path


def _tried(name: str, backends: Sequence[str]) -> Iterator[tuple[str, float | str]]:
    """Yield each backend with the largest difference in levels, or the reason why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        trial = _Trial(name, Path(folder))
        for word in backends:
            try:
                levels = 255 * trial.difference(word)
                yield word, "It gives NaN." if math.isnan(levels) else round(levels, 2)
            except Exception as error:  # noqa: BLE001 - it is the reason in the table
                yield word, reason_of(error)


class _Trial:
    """A network with fresh weights at its smallest scale, the images that it is tried on, and its ONNX files."""

    def __init__(self, name: str, folder: Path) -> None:
        import torch

        from srbench.deploying.onnx_files import example_of
        from srbench.testing import photograph

        self.spec, self.folder = _catalog().architectures[name], folder
        side, colours = max(self.spec.min_size, self.spec.size_multiple), self.spec.colours
        self.example = example_of(colours, side, torch.device("cpu"))
        self.images = [photograph(1, colours, side + height, side + width) for height, width in ((24, 16), (41, 33))]
        self.patches = [photograph(1, colours, 48, 48, seed=seed) for seed in range(8)]
        self.failed: dict[Precision, str] = {}

    def difference(self, word: str) -> float:
        """Open the network in a backend, and return the largest difference from PyTorch in fp32, of values in [0, 1].

        Raises:
            Exception: It does not run there.
        """
        import torch
        from torch import nn

        from srbench.deploying.backend import parse_backend
        from srbench.deploying.opening import open_session, plain_module
        from srbench.networks.network import build_network

        backend = parse_backend(word, tuple(_catalog().runtimes))
        runtime, scale = _catalog().runtimes[backend.runtime], min(self.spec.scales)
        torch.manual_seed(0)
        module = plain_module(build_network(self.spec, scale), scale)
        if word == "onnxruntime-bf16" and any(isinstance(part, nn.Conv2d) for part in module.modules()):
            one = _convolution(self.folder, "bf16")  # where this fails, converting the network would be in vain
            open_session(nn.Identity(), backend, runtime, torch.rand(1, 3, 8, 8), self.folder, one)
        precision = runtime.onnx.get(backend.precision)
        file = None if precision is None else self.onnx(module, precision)
        session = open_session(module, backend, runtime, self.example, self.folder, file)
        with torch.inference_mode():
            return max(float((session(lr).clamp(0, 1) - module(lr).clamp(0, 1)).abs().max()) for lr in self.images)

    def onnx(self, module: nn.Module, precision: Precision) -> Path:
        """Return the network as an ONNX file, which is written once, in int8 by that in fp32.

        Raises:
            UnavailableError: It cannot be written, now or earlier.
        """
        path = self.folder / f"{precision}.onnx"
        if not path.exists() and precision not in self.failed:
            try:
                self._write(module, precision, path)
            except Exception as error:  # noqa: BLE001 - raised again for every backend that needs the file
                self.failed[precision] = reason_of(error)
        if precision in self.failed:
            raise UnavailableError(self.failed[precision])
        return path

    def _write(self, module: nn.Module, precision: Precision, path: Path) -> None:
        from srbench.deploying.onnx_files import write_onnx
        from srbench.deploying.quantisation import quantise
        from srbench.deploying.settings import Quantisation

        if precision == "int8":
            path.write_bytes(quantise(self.onnx(module, "fp32").read_bytes(), self.patches, Quantisation()))
        else:
            write_onnx(module, self.example, precision, path)
