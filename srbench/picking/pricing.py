"""What networks cost on this machine; what was measured once is taken from the cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from srbench.catalog.catalog import Catalog
from srbench.picking.budgets import Costs, costs_of
from srbench.picking.candidates import Candidate
from srbench.profiling.complexity import count_deployed_parameters, lr_size_720p, macs_at
from srbench.profiling.settings import Profiling
from srbench.records.stored import Measured
from srbench.running.jobs import ProfileJob, perform
from srbench.running.keys import Keys
from srbench.running.session import Session
from srbench.scales import Scale, covering_lr_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """How costs are measured."""

    session: Session
    scale: Scale
    output: tuple[int, int]
    """Height and width of sr."""
    seconds: float
    """Time to spend on timing each network."""
    memory: bool
    """Whether peak memory is measured."""
    heard: Callable[[str], None]
    """Called with the name of each candidate before it is timed."""

    @property
    def catalog(self) -> Catalog:
        """The plugins."""
        return self.session.catalog

    def counted(self, candidate: Candidate) -> Costs:
        """Return parameters and MACs, without those that cannot be counted."""
        spec, costs = self.catalog.architectures[candidate.architecture], dict[str, Measured]()
        counts: dict[str, Callable[[], float]] = {
            "params_k": lambda: count_deployed_parameters(spec.network(self.scale)) / 1e3,
            "macs_720p_g": lambda: macs_at(spec, self.scale, lr_size_720p(self.scale)).total / 1e9,
        }
        if spec.fitting:
            del counts["macs_720p_g"]  # they would be those of one step
        for name, count in counts.items():
            try:
                costs[name] = Measured(value=count())
            except Exception:  # noqa: BLE001, S112 - measuring it will give the network's own failure as a reason
                continue
        return costs

    def measured(self, candidate: Candidate) -> Costs:
        """Return all costs, measured now unless they were before."""
        height, width = covering_lr_size(self.output, self.scale)
        profiling = Profiling(
            latency_height=height, latency_width=width, latency_seconds=self.seconds, latency_repeats=3,
            memory=self.memory,
        )  # fmt: skip
        job = ProfileJob(candidate.architecture, self.scale, profiling, None, candidate.backend)
        store = self.session.store
        name = job.name(Keys(self.session))
        if store.read(name) is None:
            self.heard(candidate.title)
            perform(job, name, self.session)
        profile = store.read(name)
        return costs_of(profile) if profile else {}
