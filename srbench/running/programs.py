"""The ONNX files that backends open, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from srbench.deploying.backend import Precision
from srbench.planning.cells import Cell, Model
from srbench.running.session import Session
from srbench.scales import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A model as an ONNX file; several backends may open one."""

    model: Model
    scale: Scale
    precision: Precision
    quantisation: str = ""
    """See `srbench.deploying.settings.Quantisation`; empty if it is not quantised, as the next two."""
    calibrated_on: tuple[str, ...] = ()
    """Names of training sets."""
    degradation: str = ""
    """What their lr are made by."""

    @property
    def title(self) -> str:
        """The model and the form of the file: "espcn.div2k · x2 as int8 ONNX"."""
        return f"{self.model.title} as {self.precision} ONNX"


def program_of(cell: Cell, session: Session) -> Program | None:
    """Return the ONNX file that the backend of a cell opens; None if it opens none."""
    backend = cell.inference.backend
    if backend is None:
        return None
    precision = session.catalog.runtimes[backend.runtime].onnx.get(backend.precision)
    if precision is None:
        return None
    whole = Program(model=cell.model, scale=cell.network_scale, precision=precision)
    if precision != "int8":
        return whole
    return replace(
        whole, quantisation=backend.quantisation, calibrated_on=cell.calibrated_on, degradation=cell.degradation
    )
