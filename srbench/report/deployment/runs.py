"""Put the backends of each network beside PyTorch in fp32: what they lose in quality, and gain in time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from srbench.deploying.backend import EAGER
from srbench.records.costs import Deployment
from srbench.records.row import RowId
from srbench.records.stored import Measured
from srbench.report.formats import Heading
from srbench.report.leaderboard.tables import Line, Section, Table
from srbench.report.pairing import Gain, paired_gain, scores_by_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A network in a backend."""

    line: Line
    base: Line | None
    """The same network in PyTorch in fp32, or else in another runtime in fp32; None if there is neither."""
    loss: Gain | None
    """How much better it scores than ``base``, paired by image and seed: below zero if the backend loses quality."""

    @property
    def backend(self) -> str:
        """Runtime and precision; "eager-fp32" for the module as it is."""
        return self.line.first.backend or EAGER.name

    @property
    def facts(self) -> Deployment | None:
        """The facts of its first seed; None where it failed."""
        return self.line.first.deployment

    @property
    def milliseconds(self) -> Measured | None:
        """Median time of a call."""
        profile = self.line.first.profile
        return profile.latency_ms_p50 if profile else None

    @property
    def speed_up(self) -> float | None:
        """How many times as fast as ``base`` it is, where both were timed on one machine with one input."""
        own, other = self.line.first.profile, self.base.first.profile if self.base else None
        if own is None or other is None or self.line is self.base:
            return None
        if (own.machine, own.latency_input) != (other.machine, other.latency_input):
            return None
        mine, its = own.latency_ms_p50.value, other.latency_ms_p50.value
        return its / mine if mine and its else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentTable:
    """The networks of a table of the leaderboard that a backend runs."""

    section: Section
    table: Table
    headline: Heading
    networks: tuple[tuple[Run, ...], ...]
    """The runs of each network, PyTorch in fp32 first; the best network first."""


def deployments(sections: Iterable[Section]) -> list[DeploymentTable]:
    """Return a table for every table of the leaderboard with a network that a backend runs."""
    found = []
    for section in sections:
        for table in section.tables:
            headline, groups = table.headline, dict[RowId, list[Line]]()
            if headline is None:
                continue
            for line in table.lines:
                groups.setdefault(line.first.row_id.method._replace(inference=line.first.applied), []).append(line)
            networks = [
                _runs(lines, headline) for lines in groups.values() if any(line.first.backend for line in lines)
            ]
            if networks:
                found.append(DeploymentTable(section=section, table=table, headline=headline, networks=tuple(networks)))
    return found


def _runs(lines: list[Line], headline: Heading) -> tuple[Run, ...]:
    named = {line.first.backend: line for line in lines if not line.failed}
    lossless = (line for name, line in sorted(named.items()) if name.endswith(f"-{EAGER.precision}"))
    base = named.get(EAGER.name) or named.get("") or next(lossless, None)
    scores = scores_by_seed(base.records, headline) if base else None
    runs = [
        Run(
            line=line,
            base=base,
            loss=paired_gain(scores_by_seed(line.records, headline), scores, headline)
            if scores and line is not base and not line.failed
            else None,
        )
        for line in lines
    ]
    return tuple(sorted(runs, key=lambda run: (run.line is not base, bool(run.line.failed), run.backend)))
