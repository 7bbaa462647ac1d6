"""Write the leaderboard as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from srbench.escaping import markdown, markdown_sentence
from srbench.report.formats import STAR, grid
from srbench.report.leaderboard.attention import attention_name
from srbench.report.leaderboard.by_scale import ByScale
from srbench.report.leaderboard.columns import has_samples
from srbench.report.leaderboard.fronts import Study, study_lines
from srbench.report.leaderboard.perception import perception_name
from srbench.report.leaderboard.protocol_ids import common_ids, footnote, sentence
from srbench.report.leaderboard.scale_plots import picture_of
from srbench.report.leaderboard.scale_tables import scale_lines
from srbench.report.leaderboard.sheets import (
    COST,
    Cell,
    Mark,
    Sheet,
    beside_students,
    by_inference,
    cost_columns,
    joined,
    ranking,
)
from srbench.report.leaderboard.tables import Line, Section, Table
from srbench.report.reading import Records
from srbench.scales import Scale

MARKS = {"certified": "certified ✓", "uncertified": "**uncertified ✗**", "no reference": "no published reference"}

ABOUT = (
    "Best score **bold**, second <u>underlined</u>; ± is the standard deviation over training seeds and realisations "
    "of a random degradation. A rank is one more than the number of methods that are significantly better: by the 95 % "
    "interval of the gain over images and seeds if both were trained with several seeds, otherwise by a paired t-test "
    "over images (p < 0.05). {notes} Every column is explained in `docs/results.md`; all numbers are in "
    "`leaderboard.csv`."
)
TEACHERS = "*Italic* rows are teachers, each after the best of its students."
SAMPLED = (
    "Of a network that draws its sr, a row shows how many samples each image has. Its scores are means over them, for "
    "gains and tests the mean of each image, and ± is over samples too. `per_sample.csv` has every one."
)
RIGHT_OR_WRONG = (
    "Where each image or pair scores 0 or 100, wrong or right, McNemar's exact test replaces the t-test, and intervals "
    "stay within these two: see `docs/results.md`."
)

_UNIT = re.compile(r"\\\[(dB|%|K|M|G|ms|s|KiB|MiB|bytes)\\\](?=[ ,]|$)")
"""A unit whose brackets were escaped; they cannot act where no other bracket follows."""
SHOWN = {
    "crops": "Where methods differ most",
    "samples": "Samples side by side",
    "uncertainty": "Uncertainty beside the errors",
}
"""Beginning of a picture's name to what it shows, in the order on the page."""


class Footnotes:
    """Numbered notes; equal notes share a number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, text: str) -> str:
        """Return the reference to a note."""
        number = self._numbers.setdefault(text, len(self._numbers) + 1)
        return f"[^{number}]"

    def lines(self) -> list[str]:
        """Return all notes, for the end of the document."""
        return [f"[^{number}]: {markdown_sentence(text)}" for text, number in self._numbers.items()]


def render_page(
    records: Records,
    sections: Sequence[Section],
    pictures: Iterable[Path] = (),
    distillation: Iterable[Path] = (),
    degradations: Iterable[Path] = (),
    studies: Sequence[Study] = (),
    comparisons: Sequence[ByScale] = (),
    deployment: Iterable[Path] = (),
) -> str:
    """Return the text of leaderboard.md, with links to the pages of distillers, degradations and backends, if any.

    A picture is shown in the section to which its name belongs, or after all sections.
    """
    notes = Footnotes()
    machines = sorted({f"{e.machine_name} ({e.machine})" for r in records.records if (e := r.environment)})
    versions = sorted({f"srbench {e.srbench}, torch {e.torch}" for r in records.records if (e := r.environment)})
    out = ["# Leaderboard", ""]
    tables = [table for section in sections for table in section.tables]
    about = dict.fromkeys(
        cost.about for table in tables for cost in table.costs if cost.about and table.has_cost(cost.name)
    )
    taught = any(teacher for table in tables for _, teacher in beside_students(table.lines))
    out += [ABOUT.format(notes=" ".join([*([TEACHERS] if taught else []), *about])), ""]
    if any(score.binary for record in records.records for score in record.scores.values()):
        out += [RIGHT_OR_WRONG, ""]
    if has_samples(records.records):
        out += [SAMPLED, ""]
    if machines:
        out += [f"Measured on {markdown('; '.join(machines))} with {markdown('; '.join(versions))}.", ""]
    for file in distillation:
        out += [f"Gains of distillers over plain training, and their costs: [{file.name}]({file.name}).", ""]
    for file in degradations:
        out += [
            f"Every model under every test degradation, in-domain and out-of-domain: [{file.name}]({file.name}).",
            "",
        ]
    for file in deployment:
        out += [f"Each network in its backends, with what it loses and gains there: [{file.name}]({file.name}).", ""]
    shown, common = list(pictures), common_ids(sections)
    for comparison in comparisons:
        out += scale_lines(comparison)
        for picture in [f for f in shown if f.name == picture_of(comparison)]:
            out += [f"![{markdown(comparison.title)}: scores by scale]({picture.name})", ""]
    for section in sections:
        out += _section(section, shown, notes, common, [study for study in studies if study.section is section])
        for kind, shows in SHOWN.items():
            for picture in [f for f in shown if f.stem == f"{kind}_{section.file_stem}"]:
                out += [f"![{shows}, x{section.scale}]({picture.name})", ""]
                shown.remove(picture)
    out += _plots(shown, [section.scale for section in sections])
    if records.damaged:
        out += ["## Skipped records", "", *(f"- {markdown_sentence(sentence)}" for sentence in records.damaged), ""]
    return "\n".join([*out, *notes.lines()]).rstrip() + "\n"


def _plots(pictures: Iterable[Path], scales: Iterable[Scale]) -> list[str]:
    """Return the plots of quality against cost, each of which shows all sections of a scale."""
    pictures = [picture for picture in pictures if "_vs_" in picture.name]
    of_scales = [(f, scale) for scale in dict.fromkeys(scales) for f in pictures if f.stem.endswith(f"_x{scale}")]
    out = ["## Quality against cost", ""] if of_scales else []
    for picture, scale in of_scales:
        out += [f"![Quality against cost at x{scale}]({picture.name})", ""]
    return out


def _section(
    section: Section,
    pictures: Sequence[Path],
    notes: Footnotes,
    common: Mapping[str, str],
    studies: Sequence[Study],
) -> list[str]:
    out = [f"## x{section.scale} · {markdown(f'{section.degradation_label} · {section.protocol}')}", ""]
    for tables in by_inference(section):
        several = len({table.dataset for table in tables if table.headline}) > 1
        out += _joined(tables, notes) if several else []
        for table in tables:
            out += _table(table, section, notes, common, alone=not several)
            out += _pictures(table, section, pictures, studies)
    return out


def _pictures(table: Table, section: Section, pictures: Sequence[Path], studies: Sequence[Study]) -> list[str]:
    """Return the pictures that belong to a table."""
    there, where = {picture.name for picture in pictures}, f"{table.label} x{section.scale}"
    out: list[str] = []
    if (name := perception_name(section, table)) in there:
        out += [f"![Perceptual scores against distortion, {where}]({name})", ""]
    if (name := attention_name(section, table)) in there:
        out += [f"![Where recognisers look, {where}]({name})", ""]
    for study in (study for study in studies if study.table is table):
        out += study_lines(study)
        if study.picture in there:
            out += [f"![Recognition against the quality of images, {where}]({study.picture})", ""]
    return out


def _joined(tables: Sequence[Table], notes: Footnotes) -> list[str]:
    """Return quality and cost of all methods in one table."""
    sheet = joined(tables)
    words = [*_timing(sheet, tables), *_star(line for table in tables for line in table.lines), *_left_out(sheet)]
    return [*_lines(sheet, notes), "", *([f"<sub>{' '.join(words)}</sub>", ""] if words else [])]


def _table(table: Table, section: Section, notes: Footnotes, common: Mapping[str, str], *, alone: bool) -> list[str]:
    """Return a table; ``alone``: whether no other one of the section shows the costs."""
    title = f"### {markdown(table.place(', '))} x{section.scale}"
    status = table.certification
    if status:
        title += f" — {MARKS[status.status]}"
    out = [title, ""]
    if status:
        what = "Bicubic check" if table.lines[0].first.reference else "Check of the copy"
        out += [f"{what}: {markdown_sentence(status.detail)}", ""]
    sheet, costs = ranking(table), cost_columns([table], table.lines)
    words = [sentence(table, section.protocol, common, notes.mark(footnote(section.protocol, common)))]
    if any(record.realisation is not None for line in table.lines for record in line.records):
        words.append("Means over frozen realisations of the random degradation; ± includes their variation.")
    words += [*_star(table.lines), *_left_out(sheet), *([] if costs else _without_costs(table))]
    out += [*_lines(sheet, notes), "", f"<sub>{' '.join(words)}</sub>", ""]
    return [*out, *(_joined([table], notes) if alone and costs else [])]


def _lines(sheet: Sheet, notes: Footnotes) -> list[str]:
    header = ["<br>".join(_UNIT.sub(r"[\1]", markdown(line)) for line in column.head) for column in sheet.columns]
    names = [number for number, column in enumerate(sheet.columns) if column.head[0] == "Method"]
    rows = []
    for teacher, cells in sheet.rows():
        row = [" / ".join(map(_marked, cell.marks)) for cell in cells]
        for number in names if teacher else ():
            row[number] = f"*{row[number]}*"
        rows.append([text + _references(cell, notes) for text, cell in zip(row, cells, strict=True)])
    return grid(header, rows, left=sum(column.left for column in sheet.columns))


def _marked(mark: Mark) -> str:
    """Return a text, bold if it is the best as printed, underlined if it is the second."""
    text = markdown(mark.text)
    return (text, f"**{text}**", f"<u>{text}</u>")[mark.place]


def _references(cell: Cell, notes: Footnotes) -> str:
    # One after another without a comma, they would be a link in Markdown: its text and the name of its target.
    return ",".join(notes.mark(note) for note in cell.notes)


def _timing(sheet: Sheet, tables: Sequence[Table]) -> list[str]:
    timings = {timing for table in tables for timing in table.timings}
    shown = any(column.worth == COST for column in sheet.columns)
    return [f"Latency: {markdown(timings.pop())}."] if shown and len(timings) == 1 else []


def _star(lines: Iterable[Line]) -> list[str]:
    return [STAR] if any(line.starred for line in lines) else []


def _left_out(sheet: Sheet) -> list[str]:
    return [f"In `leaderboard.csv` alone: {markdown('; '.join(sheet.left_out))}."] if sheet.left_out else []


def _without_costs(table: Table) -> list[str]:
    """Say why there are no columns of costs."""
    reasons = {value.reason for line in table.lines if not line.failed for value in line.costs.values()}
    return [f"Costs: {markdown_sentence(reason)}." for reason in reasons if reason and len(reasons) == 1]
