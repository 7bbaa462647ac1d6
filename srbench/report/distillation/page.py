"""Write distillation.md and distillation.csv: the tables of gains for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from srbench.escaping import markdown, markdown_code
from srbench.report.distillation.gains import CONTROL, INHERITED, GainLine, GainTable
from srbench.report.formats import STAR, CsvRow, Heading, grid, signed
from srbench.report.pairing import Gain
from srbench.report.pictures import picture_name

ABOUT = (
    "The gain of each distiller over plain training of the same student with the same recipe, over starting from the "
    "teacher's weights (weight inheritance), and over further controls that a suite names, paired by image and "
    "seed. Brackets hold the 95 % interval over images and seeds. **Bold** gains are significantly above "
    "zero, ▼ marks those significantly below, and ≈ marks ties: the interval contains zero. A rank is one more than "
    "the number of methods that are significantly better. Forwards are the images that student and teachers compute "
    "in a step, per patch; the time of a step is the median of each kind of step, memory that of all tensors at the "
    "peak of a step. `docs/results.md` explains the arithmetic and the columns of the CSV file."
)
MARKS = {"better": "**{}**", "worse": "{} ▼", "tie": "≈ {}"}


def figure_name(table: GainTable) -> str:
    """Return the file name of the picture of all tables side by side with this one."""
    student, recipe, trained_on, scale, degradation, protocol = table.group
    parts = [student, f"x{scale}", degradation, recipe, protocol]
    if trained_on != degradation:
        parts.insert(3, trained_on)
    return picture_name("gains", *parts)


def side_by_side(tables: Iterable[GainTable]) -> list[list[GainTable]]:
    """Group the tables of a student, recipe and scale, in the report's order."""
    ordered = sorted(tables, key=lambda t: (t.group[3], *map(str, t.group)))
    return [list(group) for _, group in groupby(ordered, key=lambda t: t.group)]


def render_page(tables: Sequence[GainTable], pictures: Iterable[Path] = ()) -> str:
    """Return the text of distillation.md, which shows those pictures beside it that belong to its tables."""
    drawn = {picture.name for picture in pictures}
    out = ["# Distillation", "", ABOUT, ""]
    for group in side_by_side(tables):
        first = group[0]
        model, section = first.control.model, first.section
        out += [f"## {markdown(f'{model.label} x{section.scale} · {section.degradation_label} · {model.recipe}')}", ""]
        if model.train_degradation != section.degradation:
            out += [f"Trained on {markdown(str(model.train_degradation))}.", ""]
        if teacher := usual_teacher(group):
            out += [f"The teacher is {markdown(teacher)} where no other is named.", ""]
        if len(group) > 1:
            out += [*_overview(group), ""]
            if any(line.model.reconstruction for table in group for line in table.lines):
                out += [f"<sub>{STAR}</sub>", ""]
        for table, lines in zip(group, titled_lines(group), strict=True):
            out += [*_table(table, lines), ""]
        if figure_name(first) in drawn:
            out += [f"![Gains over plain training]({figure_name(first)})", ""]
    return "\n".join(out).rstrip() + "\n"


def _overview(group: Sequence[GainTable]) -> list[str]:
    """Return the gains over plain training on all datasets, sorted by their mean."""
    titles = titled_lines(group)
    gains: dict[str, list[Gain | None]] = {}
    for title in dict.fromkeys(t for table in titles for t in table):
        found = [(table.get(title), own.headline) for own, table in zip(group, titles, strict=True)]
        gains[title] = [line.over.get((CONTROL, heading)) if line else None for line, heading in found]
    kept = {title: row for title, row in gains.items() if any(row)}

    def mean(row: Sequence[Gain | None]) -> float:
        values = [gain.mean for gain in row if gain]
        return sum(values) / len(values)

    rows = [
        [markdown(title), *(_marked(gain, table.headline) for gain, table in zip(row, group, strict=True))]
        for title, row in sorted(kept.items(), key=lambda item: -mean(item[1]))
    ]
    heads = [f"{markdown(table.table.label)}: gain{table.headline.bracketed_unit}" for table in group]
    return grid(["Distiller", *heads], rows, left=1)


def titled_lines(group: Sequence[GainTable]) -> list[dict[str, GainLine]]:
    """Return the lines of each table by title, which names a teacher that is not the usual one."""
    usual = usual_teacher(group)
    return [
        {
            line.title + (f" from {name}" if (name := line.teacher) and name != usual else ""): line
            for line in table.lines
        }
        for table in group
    ]


def usual_teacher(group: Sequence[GainTable]) -> str:
    """Return the teacher of most lines."""
    names = Counter(line.teacher for table in group for line in table.lines if line.teacher)
    return max(names, key=lambda name: names[name], default="")


def _table(table: GainTable, lines: Mapping[str, GainLine]) -> list[str]:
    """Return the gains, the costs below them, and what a star says."""
    out = [f"### {markdown(table.table.place(', '))} x{table.section.scale}", "", *_gains(table, lines), ""]
    out += [*_cost_table(lines), "", f"<sub>{markdown_code(table.headline.protocol)}"]
    out[-1] += f"<br>{STAR}</sub>" if any(line.model.reconstruction for line in lines.values()) else "</sub>"
    return out


def _gains(table: GainTable, lines: Mapping[str, GainLine]) -> list[str]:
    head, second = table.headline, table.second
    header = ["Rank", "Distiller", f"{markdown(head.label)}{head.bracketed_unit}"]
    header += [f"Gain over plain training{head.bracketed_unit}"]
    header += [f"{markdown(second.label)} gain"] if second else []
    others = [base for base in table.bases[1:] if any((base, head) in line.over for line in table.lines)]
    header += [f"Gain over {markdown(table.name_of(base))}{head.bracketed_unit}" for base in others]
    rows = []
    for title, line in lines.items():
        row = [str(line.rank or "—"), markdown(title), line.line.scores[head].text(head.decimals)]
        if line.line.failed:
            rows.append([*row[:2], "failed", *["—"] * (len(header) - 3)])
            continue
        headings = [heading for heading in (head, second) if heading]
        row += ["control" if line is table.control else _marked(line.over.get((CONTROL, h)), h) for h in headings]
        rows.append([*row, *(_marked(line.over.get((base, head)), head) for base in others)])
    return grid(header, rows, left=2)


def _cost_table(lines: Mapping[str, GainLine]) -> list[str]:
    header = ["Distiller", "Seeds", "Form", "Steps", "Forwards S / T", "ms/step", "× plain", "Extra MiB"]
    rows = [
        [
            markdown(title), ", ".join(map(str, line.seeds)), line.model.form if line.model.form != "plain" else "—",
            f"{line.model.train_steps:,}" if line.model.train_steps else "—", *_costs(line),
        ]
        for title, line in lines.items()
        if not line.line.failed
    ]  # fmt: skip
    return grid(header, rows, left=1)


def marked(gain: Gain | None, decimals: int) -> str:
    """Return the text of a gain: its mean, marked by its verdict, and its interval."""
    if gain is None:
        return "—"
    mean, low, high = (signed(value, decimals) for value in (gain.mean, gain.low, gain.high))
    return MARKS[gain.verdict].format(mean) + f" [{low}, {high}]"


def _marked(gain: Gain | None, heading: Heading) -> str:
    return marked(gain, heading.decimals + 1)  # one more than scores have, since gains are small


def _costs(line: GainLine) -> list[str]:
    if line.costs is None:
        return ["—"] * 4
    c = line.costs
    ratio = "—" if line.time_ratio is None else f"{line.time_ratio:.2f}"
    memory = "—" if line.extra_memory_mib is None else f"{line.extra_memory_mib:.1f}"
    return [f"{c.student_forwards:.2f} / {c.teacher_forwards:.2f}", f"{c.seconds_per_step * 1000:.1f}", ratio, memory]


def gain_columns(base: str) -> list[str]:
    """Return the columns of a gain over ``base``: its mean, the ends of its interval, and what they rest on."""
    column = f"gain_over_{base}"
    return [column, *(f"{column}_{name}" for name in ("low", "high", "verdict", "seeds", "images"))]


def gain_cells(base: str, gain: Gain | None) -> CsvRow:
    """Return the cells of these columns."""
    g = gain
    values = (g.mean, g.low, g.high, g.verdict, g.seeds, g.images) if g else (None,) * 6
    return dict(zip(gain_columns(base), values, strict=True))


def csv_columns(tables: Iterable[GainTable]) -> list[str]:
    """Return the header of distillation.csv."""
    bases = dict.fromkeys((CONTROL, INHERITED, *(base for table in tables for base in table.bases)))
    return [
        "student", "recipe", "dataset", "scale", "degradation", "train_degradation", "protocol", "inference",
        "distiller", "form", "reimplementation", "teacher", "rank", "metric", "score",
        *(column for base in bases for column in gain_columns(base)),
        "train_steps", "student_forwards", "teacher_forwards", "seconds_per_step", "time_ratio", "extra_memory_mib",
    ]  # fmt: skip


def csv_rows(tables: Iterable[GainTable]) -> list[CsvRow]:
    """Return the rows of distillation.csv: one for each line and metric."""
    return [
        _csv_row(table, line, heading)
        for group in side_by_side(tables)
        for table in group
        for line in table.lines
        for heading in (table.headline, table.second)
        if heading
    ]


def _csv_row(table: GainTable, line: GainLine, heading: Heading) -> CsvRow:
    m, first, costs = line.model, line.line.first, line.costs
    row: CsvRow = {
        **first.row_id.cells, "student": m.architecture, "form": m.form,
        "reimplementation": str(m.reconstruction).lower(),
        "rank": line.rank if heading is table.headline else None, "metric": heading.column,
        "score": line.line.scores[heading].mean, "train_steps": m.train_steps, "time_ratio": line.time_ratio,
        "extra_memory_mib": line.extra_memory_mib,
    }  # fmt: skip
    for base in table.bases:
        row |= gain_cells(base, line.over.get((base, heading)))
    names = ("student_forwards", "teacher_forwards", "seconds_per_step")
    return row | {name: getattr(costs, name) if costs else None for name in names}
