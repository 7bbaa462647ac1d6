"""Print the leaderboard at the end of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.table import Table as RichTable
from rich.text import Text

from srbench.escaping import one_line
from srbench.plain import PlainConsole
from srbench.report.build import ReportFiles
from srbench.report.comparing.comparison import Comparison
from srbench.report.comparing.verdicts import cells, heading, listed, skipped, summary
from srbench.report.formats import Heading, signed
from srbench.report.leaderboard.tables import Line, Section, Table, Value

_METHOD = 1
"""Place of the column of methods, which are broken between words."""
_LEAST_OF_METHOD = 16
STYLES = {"certified": "green", "uncertified": "bold red", "no reference": "dim"}
_ROWS = 400
"""Rows that the terminal shows of all tables together: the best of each, at least five."""


def print_report(console: PlainConsole, files: ReportFiles) -> None:
    """Print the tables of a report, and the paths of its files.

    A narrow console loses the least important columns first.
    """
    print_tables(console, files.sections)
    print_files(console, files.paths, files.warnings)


def print_tables(console: PlainConsole, sections: Sequence[Section]) -> None:
    """Print the tables of sections; a narrow console loses the least important columns first."""
    for table in drawn_tables(sections, console.width):
        console.print(table)
    lines = [line for section in sections for table in section.tables for line in table.lines]
    if any(value.mean is None for line in lines for value in [*line.scores.values(), *line.costs.values()]):
        console.print("— could not be measured; the reasons are footnotes of leaderboard.md.", style="dim")


def drawn_tables(sections: Sequence[Section], width: int) -> list[RichTable]:
    """Return the tables of sections, each as wide as ``width`` characters allow."""
    rows = max(5, _ROWS // max(1, sum(len(section.tables) for section in sections)))
    return [_render(section, table, width, rows) for section in sections for table in section.tables]


def print_files(console: PlainConsole, paths: Iterable[Path], warnings: Iterable[str]) -> None:
    """Print which files there are, after what a person should know about them."""
    for warning in warnings:
        console.print(f"Warning: {warning}", style="yellow")
    for path in paths:
        console.print(str(path))


def print_comparison(console: PlainConsole, comparison: Comparison) -> None:
    """Print where both sides come from, what changed, what was skipped and the verdict."""
    styles = {"failed": "bold red", "new": "green", "changed": ""}
    sides = heading(comparison)
    if sides:
        table = RichTable(box=None, pad_edge=False, header_style="bold")
        for name in sides[0]:
            table.add_column(name, overflow="fold")
        for row in sides[1:]:
            table.add_row(*map(one_line, row))
        console.print(table)
    changes = listed(comparison)
    if changes:
        table = RichTable(box=None, pad_edge=False, header_style="bold")
        for name in ("", "row", "column", "base", "head", "difference"):
            table.add_column(name, justify="right" if name in {"base", "head"} else "left", overflow="fold")
        for change in changes:
            verdict, *rest = cells(change)
            table.add_row(Text(verdict, styles[verdict]), *rest)
        console.print(table)
    for sentence in skipped(comparison):
        console.print(sentence, style="yellow")
    console.print(summary(comparison), style="green" if comparison.passed else "bold red")


def _render(section: Section, table: Table, width: int, rows: int) -> RichTable:
    head = table.headline
    others = [h for h in table.headings if h != head]
    # PSNR and SSIM of the headline's colour space say most; what does not fit is in leaderboard.md.
    kin = [h for h in others if head and h.metric.endswith(head.metric.removeprefix("psnr"))]
    others = [*kin, *(h for h in others if h not in kin)][: max(1, (width - 78) // 10)]
    place = one_line(f"{table.place(' · ')} x{section.scale}")
    title = Text.assemble((place, "bold"), one_line(f" · {section.degradation_label} · {section.protocol}"))
    if table.certification:
        title.append(f" · {table.certification.status}", STYLES[table.certification.status])
    macs = next(cost for cost in table.costs if cost.name.startswith("macs"))
    shown = [_cells(table, line, macs.name, others) for line in table.lines[:rows]]
    names = ["params K", re.sub(r"[\[\]]", "", macs.head), head.label if head else "score", "gain"]
    heads = ["#", "method", *names, *(h.label for h in others), "ms"]
    kept = _fitting(heads, shown, width, len(others))
    out = RichTable(title=title, title_justify="left", title_style="", header_style="bold", box=None, pad_edge=False)
    for column in kept:
        if column == _METHOD:
            longest = max(_longest_word(row[column]) for row in shown)
            out.add_column(heads[column], overflow="fold", min_width=max(_LEAST_OF_METHOD, min(longest, width // 2)))
        else:
            out.add_column(heads[column], justify="right", no_wrap=True, style="" if column else "dim")
    for row in shown:
        out.add_row(*(row[column] for column in kept))
    if len(table.lines) > rows:
        out.caption = f"and {len(table.lines) - rows} more, in leaderboard.md"
    return out


def _cells(table: Table, line: Line, macs: str, others: Sequence[Heading]) -> list[Text]:
    """Return a cell for each column: rank, method, parameters, MACs, score, gain, other scores, latency."""
    head = table.headline
    title = one_line(line.title)
    if line.failed:
        return [Text(), Text(title), Text(), Text(), Text("failed", "red"), *(Text() for _ in range(len(others) + 2))]
    return [
        Text(str(line.rank or "")),
        Text(title, "dim" if line.reference else ""),
        Text(_plain(line.costs["parameters"], 1e-3, 1)),
        Text(_plain(line.costs[macs], 1, 2)),
        _score(table, line, head) if head else Text(),
        Text("" if line.gain is None or not head else signed(line.gain, 2)),
        *(_score(table, line, h) for h in others),
        Text(_plain(line.costs["latency_ms_p50"], 1, 1)),
    ]


def _fitting(heads: Sequence[str], rows: Sequence[Sequence[Text]], width: int, others: int) -> list[int]:
    """Return the columns that fit without cutting a word: other scores go first, then costs, and the gain last."""
    widths = [max(len(head), *(row[place].cell_len for row in rows)) for place, head in enumerate(heads)]
    widths[_METHOD] = max(_LEAST_OF_METHOD, *(min(_longest_word(row[_METHOD]), width // 2) for row in rows))
    kept, last = list(range(len(heads))), len(heads) - 1
    for place in (*range(last - 1, last - 1 - others, -1), 3, last, 2, 5):
        if sum(widths[column] + 1 for column in kept) <= width:
            break
        kept.remove(place)
    return kept


def _longest_word(cell: Text) -> int:
    return max(map(cell_len, cell.plain.split()), default=0)


def _plain(value: Value, factor: float, decimals: int) -> str:
    return "—" if value.mean is None else f"{value.mean * factor:,.{decimals}f}"


def _score(table: Table, line: Line, heading: Heading) -> Text:
    value = line.scores[heading]
    if value.mean is None:
        return Text("—")
    decimals = 2 if heading.unit == "dB" else heading.decimals
    text = f"{value.mean:.{decimals}f}" + (f" ±{value.spread:.{decimals}f}" if value.spread is not None else "")
    order = table.order(heading)
    return Text(text, "bold green" if round(value.mean, heading.decimals) == order[0] and len(order) > 1 else "")
