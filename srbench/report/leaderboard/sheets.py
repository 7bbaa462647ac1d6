"""What a table shows, and where: its columns, their order and the marks, for Markdown and LaTeX together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from srbench.report.formats import Heading, signed
from srbench.report.leaderboard.costs import Cost
from srbench.report.leaderboard.tables import Line, Section, Table

MOST_COLUMNS = 10
"""The number of columns that fit into the width of a page on a code host."""
NAME, SCORE, EXTRA, COST = range(4)
"""How much a column is worth: those of the largest number are left out first if there are too many."""
LATENCY = "latency_ms_p50"


@dataclass(frozen=True, slots=True)
class Mark:
    """A text and its place among those of its column."""

    text: str
    place: int = 0
    """1 for the best as printed, 2 for the second, 0 for others."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table."""

    marks: tuple[Mark, ...]
    """One text, or several with a slash between."""
    notes: tuple[str, ...] = ()
    """Sentences for footnotes: why it is empty, or where a figure is from."""

    @classmethod
    def of(cls, text: str, *notes: str) -> Cell:
        """Return a cell of one text without a place."""
        return cls((Mark(text),), notes)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    head: tuple[str, ...]
    """The lines of its head."""
    cells: tuple[Cell, ...]
    worth: int
    left: bool = False
    """Whether it is aligned to the left."""

    @property
    def name(self) -> str:
        """The head in one line."""
        return ", ".join(self.head)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as people see it."""

    columns: tuple[Column, ...]
    teachers: tuple[bool, ...]
    """For each row, whether it is there as the teacher of the row before."""
    left_out: tuple[str, ...] = ()
    """The names of columns that had no room."""

    def rows(self) -> Iterator[tuple[bool, tuple[Cell, ...]]]:
        """Yield for each row whether it is a teacher's, and its cells."""
        for number, teacher in enumerate(self.teachers):
            yield teacher, tuple(column.cells[number] for column in self.columns)


def ranking(table: Table, most: int = MOST_COLUMNS) -> Sheet:
    """Return the table that ranks methods by their scores."""
    lines = beside_students(table.lines)
    columns = [
        _column("Rank", [Cell.of(str(line.rank or "—")) for line, _ in lines], NAME, left=True),
        _column("Method", [_name(line) for line, _ in lines], NAME, left=True),
    ]
    own = [line for line, _ in lines]
    if table.headline:
        columns += _headline(table, table.headline, own)
    others = [h for h in table.headings if h != table.headline]
    columns += [_column(score_head(h, table), [_score(table, line, h) for line in own], EXTRA) for h in others]
    for heading in table.headings:
        cells = [_reported(line, heading) for line in own]
        if any(cell.notes or cell.marks[0].text != "—" for cell in cells):
            columns.append(_column((f"{heading.label} reported", "(Δ)"), cells, EXTRA))
    columns = [_with_failures(column, own) for column in columns]
    return _fitting(columns, lines, most)


def joined(tables: Sequence[Table], most: int = MOST_COLUMNS) -> Sheet:
    """Return quality and cost side by side: a column for each dataset, as papers print them, and the costs.

    The order of rows is that of the first table.
    """
    tables = [table for table in tables if table.headline]
    by_title = [{line.title: line for line in reversed(table.lines)} for table in tables]
    first: dict[str, Line] = {}
    for table in tables:
        for line in table.lines:
            first.setdefault(line.title, line)
    lines = beside_students(first.values())
    columns = [_column("Method", [_name(line) for line, _ in lines], NAME, left=True)]
    for table, found in zip(tables, by_title, strict=True):
        headings = [h for h in (table.headline, second_heading(table) if len(tables) > 1 else None) if h]
        cells = [_pair(table, found.get(line.title), headings) for line, _ in lines]
        place = [table.place(", ")] if len(tables) > 1 else []
        columns.append(_column((*place, " / ".join(f"{h.label}{h.bracketed_unit}" for h in headings)), cells, SCORE))
    columns += cost_columns(tables, [line for line, _ in lines])
    return _fitting(columns, lines, most)


def cost_columns(tables: Sequence[Table], lines: Sequence[Line]) -> list[Column]:
    """Return a column for each cost that a line has, with the size for which it was taken in its head."""
    timings = {timing for table in tables for timing in table.timings}
    return [
        _column(_cost_head(cost, lines), [_cost(line, cost, timings) for line in lines], COST)
        for cost in dict.fromkeys(cost for table in tables for cost in table.costs)
        if any((value := line.costs.get(cost.name)) and value.mean is not None for line in lines)
    ]


def beside_students(lines: Iterable[Line]) -> list[tuple[Line, bool]]:
    """Return lines in order, but teachers after the best of their students; and whether a line is a teacher's."""
    lines = list(lines)
    named = {name for line in lines for name in _teachers(line)}
    teachers: dict[str, list[Line]] = {}
    waiting: dict[int, Line] = {}
    for line in lines:
        if line.first.model.distiller == "none" and (name := _full_name(line)) in named:
            teachers.setdefault(name, []).append(line)
            waiting[id(line)] = line
    every = set(waiting)
    placed: list[tuple[Line, bool]] = []
    for line in lines:
        if id(line) not in every:
            placed.append((line, False))
            own = (teacher for name in _teachers(line) for teacher in teachers.get(name, ()))
            placed += [(teacher, True) for teacher in own if waiting.pop(id(teacher), None)]
    return placed + [(teacher, True) for teacher in waiting.values()]


def by_inference(section: Section) -> list[list[Table]]:
    """Return the tables of a section in groups of one inference, the one of most methods first."""
    groups: dict[str, list[Table]] = {}
    for table in section.tables:
        groups.setdefault(table.inference, []).append(table)
    return sorted(groups.values(), key=lambda tables: -max(len(table.lines) for table in tables))


def second_heading(table: Table) -> Heading | None:
    """Return the structural metric that papers print beside the headline."""
    if not table.headline:
        return None
    wanted = table.headline.metric.replace("psnr", "ssim")
    return next((h for h in table.headings if h.metric == wanted and h != table.headline), None)


def score_head(heading: Heading, table: Table) -> str:
    """Return the head of a score, numbered if the table has several ids of the metric: "PSNR-Y [dB] ↑"."""
    return f"{numbered_label(heading, table)}{heading.bracketed_unit} {heading.arrow}"


def numbered_label(heading: Heading, table: Table) -> str:
    """Return the label of a metric, with a number if the table has several ids of it."""
    same = [h for h in table.headings if h.metric == heading.metric]
    return heading.label + (f" ({same.index(heading) + 1})" if len(same) > 1 else "")


def _teachers(line: Line) -> list[str]:
    return (line.first.model.teacher or "").split(" & ") if line.first.model.teacher else []


def _full_name(line: Line) -> str:
    m = line.first.model
    return ".".join(filter(None, (m.architecture, m.checkpoint)))


def _column(head: str | Sequence[str], cells: Iterable[Cell], worth: int, *, left: bool = False) -> Column:
    return Column((head,) if isinstance(head, str) else tuple(head), tuple(cells), worth, left)


def _fitting(columns: Sequence[Column], lines: Sequence[tuple[Line, bool]], most: int) -> Sheet:
    """Return a sheet of at most so many columns, without those that are empty, then the last of those worth least."""
    kept, left_out = list(columns), []
    while len(kept) > most:
        worst = max(range(len(kept)), key=lambda number: (_is_empty(kept[number]), kept[number].worth, number))
        left_out.append(kept.pop(worst).name)
    return Sheet(tuple(kept), tuple(teacher for _, teacher in lines), tuple(reversed(left_out)))


def _is_empty(column: Column) -> bool:
    """Return True if no row has a number, unless the column belongs to the score that ranks."""
    return column.worth != SCORE and all(mark.text == "—" for cell in column.cells for mark in cell.marks)


def _with_failures(column: Column, lines: Sequence[Line]) -> Column:
    """Empty the cells of lines that failed, beside their names."""
    if column.head[0] == "Method":
        return column
    cells = (Cell.of("—") if line.failed else cell for line, cell in zip(lines, column.cells, strict=True))
    return Column(column.head, tuple(cells), column.worth, column.left)


def _headline(table: Table, head: Heading, lines: Sequence[Line]) -> list[Column]:
    reference = next((line.first.model.label for line in table.lines if line.reference), table.lines[0].first.reference)
    compared = any(line.reference for line in table.lines)
    columns = [
        _column(score_head(head, table), [_score(table, line, head) for line in lines], SCORE),
        _column("95 % interval", [Cell.of(_interval(line, head)) for line in lines], SCORE),
    ]
    if reference:
        gains = [_gain(line, head, compared=compared) for line in lines]
        columns.append(_column(f"Gain over {reference}", gains, SCORE))
    return columns


def _name(line: Line) -> Cell:
    notes = []
    for record in line.failed_seeds:
        facts = {"Seed": record.model.seed, "realisation": record.realisation}
        which = ", ".join(f"{what} {number}" for what, number in facts.items() if number is not None)
        notes.append(f"{which} failed: {record.reason}")
    if line.failed:
        notes.append(f"{line.title}: {line.failed}")
    name = line.title + (f" ({line.repeats})" if line.repeats else "") + (": failed" if line.failed else "")
    return Cell.of(name, *notes)


def _score(table: Table, line: Line, heading: Heading) -> Cell:
    value = line.scores[heading]
    if value.mean is None:
        return Cell.of("—", f"{heading.label}: {value.reason}")
    order = table.order(heading)
    printed = round(value.mean, heading.decimals)
    best, second = len(order) > 1 and printed == order[0], len(order) > 2 and printed == order[1]
    return Cell((Mark(value.text(heading.decimals), 1 if best else 2 if second else 0),))


def _pair(table: Table, line: Line | None, headings: Sequence[Heading]) -> Cell:
    marks = tuple(_score(table, line, heading).marks[0] for heading in headings) if line else ()
    return Cell(marks) if any(mark.text != "—" for mark in marks) else Cell.of("—")


def _interval(line: Line, heading: Heading) -> str:
    return " – ".join(f"{end:.{heading.decimals}f}" for end in line.interval) if line.interval else "—"


def _gain(line: Line, heading: Heading, *, compared: bool) -> Cell:
    """Return the gain over the reference; ``compared``: whether the table has the reference."""
    if line.reference:
        return Cell.of("reference")
    if line.gain is not None:
        return Cell.of(signed(line.gain, heading.decimals))
    return Cell.of("—") if compared else Cell.of(
        "—", "Bicubic interpolation was not measured under this protocol id."
    )  # fmt: skip


def _reported(line: Line, heading: Heading) -> Cell:
    score = line.first.scores.get(heading.metric)
    mean = line.scores[heading].mean
    if not score or score.reported is None or line.first.table_protocol(score) != heading.protocol:
        return Cell.of("—")
    text = f"{score.reported:.{heading.decimals}f}"
    if mean is not None:
        text += f" ({signed(mean - score.reported, heading.decimals)})"
    source = f"Reported for {line.first.model.label}: {score.reported_source}" if score.reported_source else ""
    return Cell.of(text, *([source] if source else []))


def _cost(line: Line, cost: Cost, timings: Collection[str]) -> Cell:
    """Return a cost; ``timings``: the different ways in which latencies of the sheet were measured."""
    value = line.costs.get(cost.name)
    if value is None or value.mean is None:
        reason = (value.reason if value else None) or "no reason given"
        return Cell.of("—") if line.failed else Cell.of("—", reason)
    other = cost.name == LATENCY and len(timings) > 1
    notes = [f"Timed as: {line.timing}. Other timings in this table do not compare with it."] if other else []
    if cost.name == LATENCY and line.other_work:
        notes.append(f"Timed while {line.other_work}: longer than it would be.")
    drawn = line.first.image_costs
    if cost.name == "image_seconds" and drawn and drawn.other_work:
        notes.append(f"Timed while {drawn.other_work}: longer than it would be.")
    return Cell.of(cost.text(value.mean), *notes)


def _cost_head(cost: Cost, lines: Sequence[Line]) -> tuple[str, ...]:
    size = cost.size
    if cost.name == LATENCY:
        inputs = {profile.latency_input for line in lines if (profile := line.first.profile) and profile.latency_input}
        size = f"{next(iter(inputs)).replace('x', '×')} input" if len(inputs) == 1 else "see the notes"
    return (cost.head, size) if size else (cost.head,)
