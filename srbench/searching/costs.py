"""The costs of a network, known before it is trained, and whether they are within the limits of a search."""

from __future__ import annotations

from srbench.errors import UnavailableError
from srbench.planning.search import Cost, Limits
from srbench.profiling.settings import Profiling
from srbench.records.stored import Stored
from srbench.running.jobs import ProfileJob, perform
from srbench.running.keys import Keys
from srbench.running.session import Session
from srbench.scales import Scale

LABELS: dict[Cost, str] = {"parameters": "parameters [K]", "macs_g": "MACs for 720p [G]", "latency_ms": "latency [ms]"}


class Costs(Stored):
    """What a network costs."""

    parameters: int
    macs_g: float
    latency_ms: float | None = None
    """None where neither a limit nor the front needs it."""

    def of(self, cost: Cost) -> float:
        """Return one of them."""
        return float(getattr(self, cost) or 0.0)

    def over(self, limits: Limits) -> dict[Cost, float]:
        """Return how far above each limit they are, relative to it; negative where they are below."""
        bounds: dict[Cost, float | None] = {name: getattr(limits, name) for name in LABELS}
        return {name: self.of(name) / bound - 1 for name, bound in bounds.items() if bound is not None}

    def text(self, cost: Cost) -> str:
        """Return one of them as people write it."""
        return f"{self.parameters / 1000:.1f}" if cost == "parameters" else f"{self.of(cost):.2f}"


def costs_of(architecture: str, scale: Scale, session: Session, profiling: Profiling, *, timed: bool) -> Costs:
    """Count a network without computing a pixel and, if it is to be ``timed``, measure its latency on this machine.

    Raises:
        UnavailableError: It cannot be counted or timed.
    """
    import torch

    from srbench.profiling.complexity import count_parameters, lr_size_720p, macs_at

    spec = session.catalog.networks[architecture]
    with torch.device("meta"):
        parameters = count_parameters(spec.network(scale))
    macs = macs_at(spec, scale, lr_size_720p(scale)).total / 1e9
    latency = _latency(architecture, scale, session, profiling) if timed else None
    return Costs(parameters=parameters, macs_g=macs, latency_ms=latency)


def _latency(architecture: str, scale: Scale, session: Session, profiling: Profiling) -> float:
    """Return the median latency, by the job that every run profiles with, so that a second search takes it as it is."""
    job = ProfileJob(architecture, scale, profiling.model_copy(update={"enabled": True, "memory": False}), None)
    name = job.name(Keys(session))
    perform(job, name, session)
    found = session.store.read(name)
    if found is None or found.latency_ms_p50.value is None:
        raise UnavailableError(f"{architecture} could not be timed: {found and found.latency_ms_p50.reason}.")
    return found.latency_ms_p50.value
