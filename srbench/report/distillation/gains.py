"""Count what distillers gain over plain training, inherited weights and a suite's own controls, by image and seed.

A table holds the trainings of one student with one recipe on one dataset. Gains are means over the seeds and images
that both sides have. Their intervals are over seeds and images (`mean_interval`), with the realisations
of an image kept together; with a single seed they cover the variation of images alone.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from srbench.records.model import ModelFacts, TrainingCosts
from srbench.report.formats import Heading
from srbench.report.leaderboard.tables import Labels, Line, Section, Table, distiller_title, teacher_title
from srbench.report.pairing import Gain, Rivals, in_common, paired_gain, scores_by_seed
from srbench.scales import Scale

CONTROL, INHERITED = "none", "weight_inherit"
"""The distillers over which gains are counted, besides those that a suite names."""


@dataclass(slots=True, kw_only=True)
class GainLine:
    """One way of training the student, all its seeds together."""

    line: Line
    teacher: str
    """The label of its teachers; "" without any."""
    over: dict[tuple[str, Heading], Gain] = field(default_factory=dict)
    """Gain by the distiller over which it is counted, and by metric; none over itself."""
    rank: int | None = None
    """One more than the number of methods that are significantly better, over the seeds that all methods share."""
    costs: TrainingCosts | None = None
    """Mean over the seeds; median for seconds."""
    time_ratio: float | None = None
    """Seconds of a step relative to the control's, if both come from one machine."""
    extra_memory_mib: float | None = None
    """Peak memory of a step minus the control's."""

    @property
    def model(self) -> ModelFacts:
        """The model of the first seed."""
        return self.line.first.model

    @property
    def title(self) -> str:
        """The distiller, starred if it is a reimplementation, and the budget if it is not the usual one."""
        return distiller_title(self.model) + (", equal time" if self.model.budget == "time" else "")

    @property
    def seeds(self) -> list[int]:
        """The measured seeds."""
        return sorted({r.model.seed or 0 for r in self.line.records if r.status == "ok"})


@dataclass(slots=True, kw_only=True)
class GainTable:
    """The trainings of one student on one dataset, the best first."""

    section: Section
    table: Table
    headline: Heading
    second: Heading | None
    """The structural metric beside the headline."""
    bases: Sequence[str]
    """The distillers over which gains are counted, plain training first."""
    lines: list[GainLine]
    """All trainings, with the control."""

    @property
    def control(self) -> GainLine:
        """Plain training."""
        return next(line for line in self.lines if _is_control(line.line))

    def name_of(self, base: str) -> str:
        """Return the label of a distiller over which gains are counted."""
        models = (line.model for line in self.lines if line.model.distiller == base != CONTROL)
        return "plain training" if base == CONTROL else next(map(distiller_title, models), base)

    @property
    def group(self) -> tuple[str, str, str, Scale, str, str]:
        """The facts that tables side by side share: everything except dataset and inference."""
        m = self.control.model
        s = self.section
        return (m.architecture, m.recipe or "", m.train_degradation or "", s.scale, s.degradation, s.protocol)


def make_gain_tables(sections: Iterable[Section]) -> list[GainTable]:
    """Make a table wherever a student was trained plainly and in another way with the same recipe."""
    made = []
    sections = list(sections)
    labels = Labels.of(r for s in sections for table in s.tables for line in table.lines for r in line.records)
    for section in sections:
        for table in section.tables:
            groups: dict[tuple[str | None, ...], list[Line]] = {}
            for line in table.lines:
                m = line.first.model
                if m.source == "trained":
                    applied = line.first.backend, line.first.drawn
                    groups.setdefault((m.architecture, m.recipe, m.train_degradation, *applied), []).append(line)
            made += [
                _gain_table(section, table, table.headline, lines, labels)
                for _, lines in sorted(groups.items(), key=lambda item: tuple(map(str, item[0])))
                if table.headline and len(lines) > 1 and any(_is_control(line) and not line.failed for line in lines)
            ]
    return made


def _gain_table(section: Section, table: Table, headline: Heading, lines: Sequence[Line], labels: Labels) -> GainTable:
    second = next(
        (h for h in table.headings if h.metric == headline.metric.replace("psnr", "ssim") != headline.metric), None
    )
    control = next(line for line in lines if _is_control(line))
    named = (name for line in lines for record in line.records for name in record.controls)
    bases = list(dict.fromkeys((CONTROL, INHERITED, *named)))
    made = [GainLine(line=line, teacher=teacher_title(line.first.model, labels)) for line in lines]
    for own in made:
        for heading in (h for h in (headline, second) if h):
            scores = scores_by_seed(own.line.records, heading)
            for name in bases:
                base = _base(name, own.line, lines)
                if base and base is not own.line:
                    gain = paired_gain(scores, scores_by_seed(base.records, heading), heading)
                    if gain:
                        own.over[name, heading] = gain
        _count_costs(own, control)
    _rank(made, headline)
    made.sort(key=lambda own: -_goodness(own.line, headline))
    return GainTable(section=section, table=table, headline=headline, second=second, bases=bases, lines=made)


def _is_control(line: Line) -> bool:
    return line.first.model.distiller == CONTROL and line.first.model.source == "trained"


def _base(name: str, line: Line, lines: Sequence[Line]) -> Line | None:
    """Return the training of a distiller to compare a line with: from the same teacher or none, or the only one."""
    known = [
        other
        for other in lines
        if other.first.model.distiller == name and other.first.model.budget == "steps" and not other.failed
    ]
    teacher = line.first.row_id.teacher.split(" & ")[0]
    same = [other for other in known if other.first.row_id.teacher in {teacher, ""}]
    found = same or ([] if teacher or len(known) > 1 else known)
    return found[0] if found else None


def _rank(lines: Sequence[GainLine], headline: Heading) -> None:
    """Rank as `srbench.measuring.uncertainty.shared_ranks` does, over the seeds that all methods share, even one."""
    scored = [(own, scores) for own in lines if (scores := scores_by_seed(own.line.records, headline))]
    seeds, images = in_common([scores for _, scores in scored])
    if len(seeds) * len({name for _, name in images}) < 2:
        return
    rivals = Rivals([scores for _, scores in scored], headline)
    for own, (line, _) in enumerate(scored):
        line.rank = 1 + sum(rivals.beats(other, own, seeds, images) for other in range(len(scored)) if other != own)


def _goodness(line: Line, heading: Heading) -> float:
    mean = line.scores[heading].mean
    return float("-inf") if mean is None else mean if heading.higher_is_better else -mean


def _count_costs(own: GainLine, control: Line) -> None:
    own.costs, base = _costs(own.line), _costs(control)
    if own.costs and base:
        own.extra_memory_mib = own.costs.peak_memory_mib - base.peak_memory_mib
        if _machines(own.line) == _machines(control):
            own.time_ratio = own.costs.seconds_per_step / base.seconds_per_step


def _machines(line: Line) -> set[tuple[str | None, int | None]]:
    costs = (record.model.costs for record in line.records)
    return {(c.machine, c.threads) for c in costs if c}


def _costs(line: Line) -> TrainingCosts | None:
    costs = [c for record in line.records if (c := record.model.costs)]
    if not costs:
        return None
    means = {
        name: statistics.fmean(getattr(c, name) for c in costs)
        for name in ("student_forwards", "teacher_forwards", "peak_memory_mib")
    }
    seconds = statistics.median(c.seconds_per_step for c in costs)
    return costs[0].model_copy(update=means | {"seconds_per_step": seconds})
