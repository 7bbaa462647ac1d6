"""Models of a plan as a backend runs them: their ONNX files, and the sessions that are scored and timed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from srbench.deploying.backend import Backend
from srbench.deploying.calibration import calibration_patches
from srbench.deploying.learnt import read_learnt
from srbench.deploying.onnx_files import example_of, write_onnx
from srbench.deploying.opening import Session as Opened
from srbench.deploying.opening import open_session, plain_module
from srbench.deploying.quantisation import quantise
from srbench.deploying.settings import read_quantisation
from srbench.networks.network import Network
from srbench.planning.cells import Cell
from srbench.profiling.sessions import process_memory, session_costs
from srbench.profiling.settings import Profiling
from srbench.records.costs import Deployment
from srbench.running.programs import Program
from srbench.running.session import Session


def write_program(program: Program, network: Network, weights: Sequence[Path], session: Session, path: Path) -> None:
    """Convert the network of a program, and quantise it if its precision is int8.

    What quantisation-aware training has learnt, and keeps in the only file of its weights, goes before calibration.

    Raises:
        SrbenchError: The network cannot be converted, or the images for its calibration are missing.
    """
    spec, device = network.spec, torch.device(session.device)

    def quantised(content: bytes) -> bytes:
        settings, catalog = read_quantisation(program.quantisation), session.catalog
        lr, hr = calibration_patches(
            session.library, [catalog.datasets[name] for name in program.calibrated_on],
            catalog.degradations[program.degradation], program.scale, settings, colours=spec.colours,
        )  # fmt: skip
        return quantise(content, lr, settings, read_learnt(weights[0]) if len(weights) == 1 else None, hr)

    example = example_of(spec.colours, max(spec.min_size, spec.size_multiple), device)
    write_onnx(plain_module(network, program.scale), example, program.precision, path, quantised)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A model that a backend runs."""

    cell: Cell
    network: Network
    """The network that the backend has opened."""
    opened: Opened
    file: Path | None
    """The ONNX file that it opened."""

    def costs(self, profiling: Profiling, session: Session) -> Deployment:
        """Time the session, and measure the memory of a process that opens it; see `Profiling`."""
        spec, scale, backend = self.network.spec, self.cell.network_scale, self.opened.backend
        shape = (profiling.batch, spec.colours, *profiling.size_at(scale))
        lr = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(session.device)
        files = [str(path) for path in session.plugin_files]
        found = session_costs(
            self.opened, lr, profiling,
            lambda: process_memory(spec.name, scale, backend, self.file, shape, session.device, files),
        )  # fmt: skip
        return found.model_copy(update={"calibrated_on": self.cell.calibrated_on})


@contextmanager
def deployed(cell: Cell, backend: Backend, network: Network, file: Path | None, session: Session) -> Iterator[Deployed]:
    """Open the network of a cell in its backend; its files are there until the context ends.

    Args:
        cell: The cell.
        backend: Its backend.
        network: Its network, in eval mode on the session's device.
        file: The network as ONNX, if the backend opens such a file.
        session: Where things are.

    Raises:
        UnavailableError: The backend or the network does not work here.
    """
    spec = network.spec
    runtime = session.catalog.runtimes[backend.runtime]
    example = example_of(spec.colours, max(spec.min_size, spec.size_multiple), torch.device(session.device))
    with tempfile.TemporaryDirectory(prefix="srbench-") as folder:
        opened = open_session(plain_module(network, cell.network_scale), backend, runtime, example, Path(folder), file)
        yield Deployed(cell, network, opened, file)
