"""The content of the leaderboards, independent of the output format: sections, tables, lines and titles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from srbench.deploying.backend import QUANTISATION
from srbench.files import short_stem
from srbench.records.model import ModelFacts
from srbench.records.record import Record
from srbench.records.scores import Certification
from srbench.report.formats import Heading
from srbench.report.leaderboard.costs import Cost
from srbench.scales import Scale


@dataclass(frozen=True, slots=True)
class Labels:
    """What all records together call things by name, for records that lack the label of what they name."""

    architectures: Mapping[str, str] = field(default_factory=dict)
    degradations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Record]) -> Labels:
        """Collect the labels in records."""
        records = list(records)
        return cls(
            architectures={r.model.architecture: r.model.label for r in records if r.model.label},
            degradations={r.degradation: r.degradation_label for r in records if r.degradation_label},
        )


NO_LABELS = Labels()


@dataclass(frozen=True, slots=True)
class Value:
    """A number in a table, averaged over seeds, realisations and samples, or the reason why there is none."""

    mean: float | None = None
    spread: float | None = None
    """Standard deviation over seeds, realisations and samples; None with fewer than two of all together."""
    reason: str | None = None

    def text(self, decimals: int) -> str:
        """Return "33.67", "33.67 ± 0.02" or a dash."""
        if self.mean is None:
            return "—"
        return f"{self.mean:.{decimals}f}" + ("" if self.spread is None else f" ± {self.spread:.{decimals}f}")


@dataclass(slots=True, kw_only=True)
class Line:
    """One method in a table: all its seeds, and all realisations of a random degradation, together."""

    records: list[Record]
    title: str = ""
    scores: dict[Heading, Value] = field(default_factory=dict)
    costs: dict[str, Value] = field(default_factory=dict)
    timing: str = ""
    """Backend, precision, input and machine of the latency; only latencies with equal timings compare."""
    other_work: str = ""
    """What others did on the machine while it was timed."""
    rank: int | None = None
    gain: float | None = None
    """Its headline mean minus that of bicubic interpolation, positive if better."""
    interval: tuple[float, float] | None = None
    """The 95 % interval of its headline mean over images and seeds."""

    @property
    def first(self) -> Record:
        """The record of the first seed; all seeds share its names."""
        return self.records[0]

    @property
    def failed(self) -> str | None:
        """The reason why no seed has a score; None where one has."""
        return (self.first.reason or "failed") if all(r.status == "failed" for r in self.records) else None

    @property
    def repeats(self) -> str:
        """The number of seeds, realisations and samples: "3 seeds × 8 realisations"; empty where all are one."""
        counts = {
            "seeds": len({r.model.seed for r in self.records}),
            "realisations": len({r.realisation for r in self.records}),
            "samples": self.first.samples,
        }
        return " × ".join(f"{count} {what}" for what, count in counts.items() if count > 1)

    @property
    def failed_seeds(self) -> list[Record]:
        """The records that failed while others did not."""
        return [] if self.failed else [r for r in self.records if r.status == "failed"]

    @property
    def starred(self) -> bool:
        """Whether its title has the star of a reimplementation whose paper leaves details open."""
        return self.first.model.reconstruction or self.first.model.network_reconstruction

    @property
    def reference(self) -> bool:
        """Whether gains are counted over this: it is bicubic interpolation."""
        return self.first.model.architecture == self.first.reference


@dataclass(slots=True, kw_only=True)
class Table:
    """Methods that are ranked together."""

    dataset: str
    label: str
    inference: str
    certification: Certification | None
    headline: Heading | None
    """None where every cell failed."""
    headings: list[Heading]
    lines: list[Line]
    costs: list[Cost]
    """The costs that it shows."""
    _orders: dict[Heading, list[float]] = field(default_factory=dict)

    def order(self, heading: Heading) -> list[float]:
        """Return the different means of a column as they are printed, best first."""
        if heading not in self._orders:
            means = [mean for line in self.lines if (mean := line.scores[heading].mean) is not None]
            printed = {round(mean, heading.decimals) for mean in means}
            self._orders[heading] = sorted(printed, reverse=heading.higher_is_better)
        return self._orders[heading]

    def place(self, separator: str) -> str:
        """Return the label of the dataset, followed by the inference unless images are processed whole."""
        return self.label if self.inference == "whole" else self.label + separator + self.inference

    def has_cost(self, name: str) -> bool:
        """Whether a method has this figure."""
        return any((value := line.costs.get(name)) and value.mean is not None for line in self.lines)

    @property
    def timings(self) -> list[str]:
        """The different ways in which latencies were measured."""
        return sorted({line.timing for line in self.lines if line.timing and line.costs["latency_ms_p50"].mean})


@dataclass(slots=True, kw_only=True)
class Section:
    """All tables of one protocol preset, degradation and scale."""

    protocol: str
    degradation: str
    degradation_label: str
    scale: Scale
    tables: list[Table]

    @property
    def file_stem(self) -> str:
        """Scale and degradation for names of figures: "x2_blur_down"; a path becomes one word."""
        return short_stem(f"x{self.scale}_{re.sub(r'[^A-Za-z0-9_.]+', '-', self.degradation)}")

    def stem_of(self, table: Table) -> str:
        """Return dataset and scale for the name of a table's picture: "digits_test_x4".

        A degradation other than bicubic follows, and a number where the dataset has several tables.
        """
        same = [other for other in self.tables if other.dataset == table.dataset]
        words = [table.dataset, f"x{self.scale}", *([self.degradation] if self.degradation != "bicubic" else [])]
        words += [str(place) for place, other in enumerate(same, 1) if other is table and len(same) > 1]
        return short_stem(re.sub(r"[^A-Za-z0-9_.]+", "-", "_".join(words)))


def name_lines(lines: list[Line], labels: Labels) -> None:
    """Give lines the shortest titles that differ: recipe, full teacher and a file's folder only where needed."""
    for detail in range(5):
        titles: dict[str, list[Line]] = {}
        for line in lines:
            titles.setdefault(line.title or method_title(line.first, labels), []).append(line)
        for title, same in titles.items():
            for line in same:
                line.title = title if len(same) == 1 or not detail else title + _detail(line.first, detail)


def method_title(record: Record, labels: Labels = NO_LABELS) -> str:
    """Return the name of a method in tables: "EDSR (small), logits from EDSR (wide)"."""
    m = record.model
    title = (m.label or m.architecture) + ("*" if m.network_reconstruction else "")
    if m.checkpoint:
        title += f" ({Path(m.checkpoint).name})"
    if m.distiller != "none":
        title += f", {distiller_title(m)}"
        if m.teacher:
            title += f" from {teacher_title(m, labels)}"
    if m.train_degradation and m.train_degradation != record.degradation:
        title += f", trained on {training_title(m, labels)}"
    title += f", {drawing_title(record)}" if record.drawn else ""
    return title + (f", {backend_title(record)}" if record.backend else "")


def drawing_title(record: Record) -> str:
    """Return how sr was drawn or the network fitted: "ddim-20", "3000 steps, within 60s"; "" for all others."""
    named = {"fit": "{} steps", "within": "within {}", "seed": "sample seed {}", "samples": ""}
    parts = (part.partition("=") for part in record.drawn.split(","))
    return ", ".join(filter(None, (named[key].format(value) if value else key for key, _, value in parts)))


def backend_title(record: Record) -> str:
    """Return what ran a network, without the usual way to quantise: "openvino-int8"; "" for its module as it is."""
    return record.backend.removesuffix(f"-{QUANTISATION}")


def distiller_title(model: ModelFacts) -> str:
    """Return the label of a distiller, starred if it is a reimplementation."""
    return (model.distiller_label or model.distiller) + ("*" if model.reconstruction else "")


def teacher_title(model: ModelFacts, labels: Labels = NO_LABELS) -> str:
    """Return the label of the teachers; "" without any."""
    names = [name.partition(".") for name in (model.teacher or "").split(" & ")]
    return model.teacher_label or " & ".join(
        labels.architectures.get(name, name) + (f" ({tag})" if tag else "") for name, _, tag in names
    )


def training_title(model: ModelFacts, labels: Labels = NO_LABELS) -> str:
    """Return the label of the training degradation; "" where nothing was trained."""
    name = model.train_degradation or ""
    return model.train_degradation_label or labels.degradations.get(name, name)


def _detail(record: Record, level: int) -> str:
    m = record.model
    path = m.checkpoint if m.source == "file" else None
    detail = (m.training, m.teacher, path, m.architecture)[level - 1]
    return f", {detail}" if detail else ""
