"""The models to choose from, with their scores: those that authors report, or those in a results folder."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from srbench.catalog.catalog import Catalog
from srbench.deploying.backend import EAGER, Backend, parse_backend
from srbench.errors import UnknownNameError, UsageError
from srbench.networks.spec import ArchitectureSpec
from srbench.records.record import Record
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
    backend: Backend | None = None
    """What ran it for the score, or gives the same; None for PyTorch with its module as it is."""

    @property
    def title(self) -> str:
        """The name, with the backend."""
        return f"{self.name}, {self.backend.name}" if self.backend else self.name


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
    higher_is_better: bool = True


def find_candidates(
    catalog: Catalog, scale: Scale, dataset: str | None, results: Path | None, backends: Sequence[str]
) -> Candidates:
    """Return the models to choose from.

    Args:
        catalog: The plugins.
        scale: The factor.
        dataset: That of the scores; `DATASET`, or the one with most rows if absent.
        results: A results folder whose models are meant; published weights if absent.
        backends: Names of the backends that may run them; PyTorch with their modules if empty.

    Raises:
        SrbenchError: There are none; see the functions below.
    """
    if results is None:
        return in_backends(reported_candidates(catalog, scale, dataset or DATASET), backends, catalog)
    return in_backends(measured_candidates(results, scale, dataset), backends, catalog)


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


def in_backends(candidates: Candidates, names: Sequence[str], catalog: Catalog) -> Candidates:
    """Return the candidates as the backends of these names run them; without names, as they are.

    A score that a backend gave stands for itself. One of PyTorch in fp32 stands for every runtime in fp32, all of which
    give the same images within rounding.

    Raises:
        UnknownNameError: There is no such backend.
        UsageError: A backend in another precision has no score.
    """
    if not names:
        return candidates
    backends = [parse_backend(name, tuple(catalog.runtimes)) for name in names]
    found = [candidate for candidate in candidates.models if candidate.backend in backends]
    scored = {(candidate.name, candidate.backend) for candidate in found}
    plain = [candidate for candidate in candidates.models if candidate.backend in (None, EAGER)]
    for candidate, own in itertools.product(plain, backends):
        if own.precision == EAGER.precision and (candidate.name, own) not in scored:
            scored.add((candidate.name, own))
            found.append(replace(candidate, backend=own))
    if missing := [own.name for own in backends if own not in {backend for _, backend in scored}]:
        raise UsageError(
            f"The scores of {missing[0]} are not known, and it changes those of fp32; give --from a results folder "
            "that measured it, such as results/deployment."
        )
    higher = candidates.higher_is_better
    return replace(candidates, models=_best_first(found, higher=higher))


def measured_candidates(results: Path, scale: Scale, dataset: str | None = None) -> Candidates:
    """Return the models of a results folder with the score by which its leaderboard ranks them, averaged over seeds.

    Without a dataset, it is the one with most models. Of several degradations, bicubic LR is taken. Networks that draw
    their sr or are fitted to images are left out.

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
        if value is not None and not line.first.drawn:  # a draw or a fit costs what its sampler or steps do
            name, ran = _name(line.records, results), line.first.backend
            backend = Backend(*ran.split("-", 2)) if ran else None  # type: ignore[arg-type]  # as records have it
            found.append(Candidate(name, line.first.model.architecture, value, backend))
    if not found:
        raise UsageError(
            f"{results} has only networks that draw their sr or are fitted to images on {table.label}; give a "
            "folder or a dataset with others."
        )
    return Candidates(
        models=_best_first(found, higher=heading.higher_is_better),
        dataset=table.dataset,
        metric=f"{heading.label} [{heading.unit}]" if heading.unit else heading.label,
        protocol=heading.protocol,
        decimals=heading.decimals,
        reported=False,
        higher_is_better=heading.higher_is_better,
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
