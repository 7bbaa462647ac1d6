"""The models to choose from, with their scores: those that authors report, or those in a results folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from srbench.catalog.catalog import Catalog
from srbench.errors import UnknownNameError, UsageError
from srbench.networks.spec import ArchitectureSpec
from srbench.records import Record
from srbench.report.leaderboard.sections import make_sections
from srbench.report.leaderboard.tables import Table
from srbench.report.reading import read_records
from srbench.scales import Scale

DATASET = "set5"
"""The dataset of reported scores, unless another one is asked for: nearly all papers report it."""
METRIC = "psnr_y"
PROTOCOL = "classic-y"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model with a score."""

    name: str
    """What `srbench upscale --model` takes."""
    architecture: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Models with scores that compare, best first."""

    models: tuple[Candidate, ...]
    dataset: str
    metric: str
    """The score's name for people, with its unit."""
    protocol: str
    decimals: int
    reported: bool
    """Whether the scores are those of the models' authors, and not measured."""


def reported_candidates(catalog: Catalog, scale: Scale, dataset: str = DATASET) -> Candidates:
    """Return the published weights whose authors report PSNR-Y on bicubic LR of a dataset.

    Raises:
        UsageError: Nobody reports one at this scale.
    """
    specs = [catalog.architectures[name] for name in catalog.architectures]
    found = [candidate for spec in specs for candidate in _published(spec, scale, dataset)]
    if not found:
        known = Counter(r.dataset for spec in specs for r in spec.reported if r.scale == scale and r.metric == METRIC)
        other = f"; choose one of {', '.join(sorted(known))} with --dataset" if known else ""
        raise UsageError(f"No published weights have a reported PSNR on {dataset} at scale {scale}{other}.")
    return Candidates(
        models=_best_first(found, higher=True), dataset=dataset, metric="PSNR-Y [dB]", protocol=PROTOCOL, decimals=2,
        reported=True,
    )  # fmt: skip


def _published(spec: ArchitectureSpec, scale: Scale, dataset: str) -> Iterable[Candidate]:
    """Yield the published weights of an architecture, each with the score that is reported for it."""
    scores = {
        r.checkpoint: r
        for r in spec.reported
        if (r.dataset, r.scale, r.metric, r.degradation, r.protocol, r.distiller)
        == (dataset, scale, METRIC, "bicubic", PROTOCOL, "none")
    }
    for tag in dict.fromkeys(c.tag for c in spec.checkpoints if c.scale in (None, scale)):
        if reported := scores.get(tag) or scores.get(None):
            yield Candidate(f"{spec.name}.{tag}", spec.name, reported.value)


def measured_candidates(results: Path, scale: Scale, dataset: str | None = None) -> Candidates:
    """Return the models of a results folder with the score by which its leaderboard ranks them, averaged over seeds.

    Without a dataset, it is the one with most models. Of several degradations, bicubic LR is taken.

    Raises:
        DataError: It holds no records.
        UnknownNameError: It has no such dataset at this scale.
        UsageError: Nothing in it has a score at this scale.
    """
    records = [r for r in read_records(results).records if r.scale == scale and r.task == "sr" and r.status == "ok"]
    records = [r for r in records if r.degradation == "bicubic"] or records
    tables = [table for section in make_sections(records) for table in section.tables if table.headline is not None]
    if not tables:
        raise UsageError(f"{results} has no scores at scale {scale}; give another --scale.")
    if dataset is not None and dataset not in {table.dataset for table in tables}:
        raise UnknownNameError.among("dataset", dataset, sorted({table.dataset for table in tables}))
    own = [table for table in tables if dataset is None or table.dataset == dataset]
    table = max(own, key=lambda table: len(table.lines))
    return _of_table(table, results)


def _of_table(table: Table, results: Path) -> Candidates:
    heading = table.headline
    if heading is None:
        raise UsageError(f"{results} has no scores of {table.label}.")
    found = []
    for line in table.lines:
        value = line.scores[heading].mean
        if value is not None:
            found.append(Candidate(_name(line.records, results), line.first.model.architecture, value))
    return Candidates(
        models=_best_first(found, higher=heading.higher_is_better),
        dataset=table.dataset,
        metric=f"{heading.label} [{heading.unit}]" if heading.unit else heading.label,
        protocol=heading.protocol,
        decimals=heading.decimals,
        reported=False,
    )


def _name(records: Sequence[Record], results: Path) -> str:
    facts = records[0].model
    if facts.source in ("fixed", "checkpoint"):
        return f"{facts.architecture}.{facts.checkpoint}" if facts.checkpoint else facts.architecture
    if facts.distiller == "none":
        return f"{results}#{facts.architecture}"
    return f"{results}#{records[0].key[:12]}"


def _best_first(found: Iterable[Candidate], *, higher: bool) -> tuple[Candidate, ...]:
    return tuple(sorted(found, key=lambda candidate: candidate.score, reverse=higher))
