"""Write the leaderboard as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from srbench.escaping import markdown, markdown_code, markdown_sentence
from srbench.measuring.protocol import PROTOCOLS
from srbench.report.formats import Heading, grid, signed
from srbench.report.leaderboard.attention import attention_name
from srbench.report.leaderboard.by_scale import ByScale
from srbench.report.leaderboard.fronts import Study, study_lines
from srbench.report.leaderboard.scale_plots import picture_of
from srbench.report.leaderboard.scale_tables import scale_lines
from srbench.report.leaderboard.tables import Line, Section, Table, Value
from srbench.report.reading import Records

MARKS = {"certified": "certified ✓", "uncertified": "**uncertified ✗**", "no reference": "no published reference"}

ABOUT = (
    "Best score **bold**, second <u>underlined</u>; ± is the standard deviation over training seeds and realisations "
    "of a random degradation. A rank is one more than the number of methods that are significantly better: by the 95 % "
    "interval of the gain over images and seeds if both were trained with several seeds, otherwise by a paired t-test "
    "over images (p < 0.05). {costs} Every column is explained in `docs/results.md`; all numbers are in "
    "`leaderboard.csv`."
)
RIGHT_OR_WRONG = (
    "Where each image or pair scores 0 or 100, wrong or right, McNemar's exact test replaces the t-test, and intervals "
    "stay within these two: see `docs/results.md`."
)

SHOWN = {"crops": "Where methods differ most", "uncertainty": "Uncertainty beside the errors"}
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
) -> str:
    """Return the text of leaderboard.md, with links to the pages of distillers and degradations if there are any.

    A picture is shown in the section to which its name belongs, or before all sections.
    """
    notes = Footnotes()
    machines = sorted({f"{e.machine_name} ({e.machine})" for r in records.records if (e := r.environment)})
    versions = sorted({f"srbench {e.srbench}, torch {e.torch}" for r in records.records if (e := r.environment)})
    out = ["# Leaderboard", ""]
    costs = dict.fromkeys(cost.about for s in sections for table in s.tables for cost in table.costs if cost.about)
    out += [ABOUT.format(costs=" ".join(costs)), ""]
    if any(score.binary for record in records.records for score in record.scores.values()):
        out += [RIGHT_OR_WRONG, ""]
    if machines:
        out += [f"Measured on {markdown('; '.join(machines))} with {markdown('; '.join(versions))}.", ""]
    for file in distillation:
        out += [f"Gains of distillers over plain training, and their costs: [{file.name}]({file.name}).", ""]
    for file in degradations:
        out += [
            f"Every model under every test degradation, in-domain and out-of-domain: [{file.name}]({file.name}).",
            "",
        ]
    shown = list(pictures)
    for scale in dict.fromkeys(s.scale for s in sections):
        for picture in [f for f in shown if "_vs_" in f.name and f.stem.endswith(f"_x{scale}")]:
            out += [f"![Quality against cost at x{scale}]({picture.name})", ""]
    for comparison in comparisons:
        out += scale_lines(comparison)
        for picture in [f for f in shown if f.name == picture_of(comparison)]:
            out += [f"![{markdown(comparison.title)}: scores by scale]({picture.name})", ""]
    for section in sections:
        out += _section(section, shown, notes, [study for study in studies if study.section is section])
        for kind, shows in SHOWN.items():
            for picture in [f for f in shown if f.stem == f"{kind}_{section.file_stem}"]:
                out += [f"![{shows}, x{section.scale}]({picture.name})", ""]
                shown.remove(picture)
    if records.damaged:
        out += ["## Skipped records", "", *(f"- {markdown_sentence(sentence)}" for sentence in records.damaged), ""]
    return "\n".join([*out, *notes.lines()]).rstrip() + "\n"


def _section(section: Section, pictures: Sequence[Path], notes: Footnotes, studies: Sequence[Study]) -> list[str]:
    out = [f"## x{section.scale} · {markdown(f'{section.degradation_label} · {section.protocol}')}", ""]
    if len({t.dataset for t in section.tables}) > 1:
        out += _overview(section)
    for table in section.tables:
        out += _table(table, section, notes)
        there, where = {picture.name for picture in pictures}, f"{table.label} x{section.scale}"
        if (name := attention_name(section, table)) in there:
            out += [f"![Where recognisers look, {where}]({name})", ""]
        for study in (study for study in studies if study.table is table):
            out += study_lines(study)
            if study.picture in there:
                out += [f"![Recognition against the quality of images, {where}]({study.picture})", ""]
    return out


def _overview(section: Section) -> list[str]:
    """Return all datasets side by side, as papers print them; the order is that of the first one."""
    tables = [t for t in section.tables if t.headline]
    titles = dict.fromkeys(line.title for t in tables for line in t.lines)
    by_title = [{line.title: line for line in reversed(t.lines)} for t in tables]
    heads = [
        f"{markdown(t.place(', '))}<br>{markdown(t.headline.label)}"
        + (f" / {markdown(second.label)}" if (second := _second(t)) else "")
        for t in tables
        if t.headline
    ]
    rows = []
    for title in titles:
        cells, costs = [], ["—", "—"]
        for table, lines in zip(tables, by_title, strict=True):
            line = lines.get(title)
            if line and table.headline:
                pair = [h for h in (table.headline, _second(table)) if h]
                cells.append(" / ".join(_ranked(table, line, h) for h in pair))
                costs = [_number(line.costs[c.name], c.text, None) for c in table.costs[:2]]
            else:
                cells.append("—")
        rows.append([markdown(title), *costs, *cells])
    return [*grid(["Method", *(cost.head for cost in tables[0].costs[:2]), *heads], rows, left=1), ""]


def _second(table: Table) -> Heading | None:
    """Return the structural metric that papers print beside the headline."""
    if not table.headline:
        return None
    wanted = table.headline.metric.replace("psnr", "ssim")
    return next((h for h in table.headings if h.metric == wanted and h != table.headline), None)


def _table(table: Table, section: Section, notes: Footnotes) -> list[str]:
    title = f"### {markdown(table.place(', '))} x{section.scale}"
    status = table.certification
    if status:
        title += f" — {MARKS[status.status]}"
    out = [title, ""]
    if status:
        what = "Bicubic check" if table.lines[0].first.reference else "Check of the copy"
        out += [f"{what}: {markdown_sentence(status.detail)}", ""]
    head = table.headline
    headings = [h for h in table.headings if h != head]
    reported = [h for h in table.headings if any(_reported(line, h) for line in table.lines)]
    timings = table.timings
    before, after = table.costs[:-2], table.costs[-2:]  # what the network is, and what this machine made of it
    header = ["Rank", "Method", *(cost.head for cost in before)]
    reference = table.lines[0].first.reference
    if head:
        header += [_head(head, table), "95 % interval", *([f"Gain over {reference}"] if reference else [])]
    header += [_head(h, table) for h in headings] + [f"{markdown(h.label)} reported (Δ)" for h in reported]
    header += [cost.head for cost in after]
    rows = []
    compared = any(line.reference for line in table.lines)
    for line in table.lines:
        name = markdown(line.title) + (f" ({line.repeats})" if line.repeats else "")
        for record in line.failed_seeds:
            facts = {"Seed": record.model.seed, "realisation": record.realisation}
            which = ", ".join(f"{what} {number}" for what, number in facts.items() if number is not None)
            name += notes.mark(f"{which} failed: {record.reason}")
        if line.failed:
            row = ["—", name, *["—"] * (len(header) - 2)]
            row[2 + len(before)] = f"failed{notes.mark(f'{line.title}: {line.failed}')}"
            rows.append(row)
            continue
        row = [str(line.rank) if line.rank else "—", name]
        row += [_number(line.costs[cost.name], cost.text, notes) for cost in before]
        if head:
            row += [_ranked(table, line, head, notes), _interval(line, head)]
            row += [_gain(line, head, compared=compared, notes=notes)] if reference else []
        row += [_ranked(table, line, h, notes) for h in headings]
        row += [_reported(line, h) or "—" for h in reported]
        latency, memory = (_number(line.costs[cost.name], cost.text, notes) for cost in after)
        if len(timings) > 1 and line.costs["latency_ms_p50"].mean is not None:
            latency += notes.mark(f"Timed as: {line.timing}. Other timings in this table do not compare with it.")
        rows.append([*row, latency, memory])
    out += [*grid(header, rows, left=2), ""]
    return [*out, *_legend(table, section), ""]


def _legend(table: Table, section: Section) -> list[str]:
    preset = PROTOCOLS.get(section.protocol)
    words = [f"Protocol {section.protocol}: {preset.about}" if preset else f"Protocol {markdown(section.protocol)}."]
    if len(table.timings) == 1:
        words.append(f"Latency: {markdown(table.timings[0])}.")
    models = [line.first.model for line in table.lines]
    if any(record.realisation is not None for line in table.lines for record in line.records):
        words.append("Means over frozen realisations of the random degradation; ± includes their variation.")
    if any(m.reconstruction or m.network_reconstruction for m in models):
        words.append("\\* reimplementation of a method whose paper leaves details open.")
    ids = " · ".join(markdown_code(h.protocol) for h in table.headings)
    return [f"<sub>{' '.join(words)}<br>{ids}</sub>" if ids else f"<sub>{' '.join(words)}</sub>"]


def _number(value: Value, form: Callable[[float], str], notes: Footnotes | None) -> str:
    if value.mean is None:
        return "—" + (notes.mark(value.reason or "no reason given") if notes else "")
    return form(value.mean)


def _ranked(table: Table, line: Line, heading: Heading, notes: Footnotes | None = None) -> str:
    """Return the text of a score, bold if it is the best as printed, underlined if it is the second."""
    value = line.scores[heading]
    if value.mean is None:
        return "—" + (notes.mark(f"{heading.label}: {value.reason}") if notes else "")
    order = table.order(heading)
    printed = round(value.mean, heading.decimals)
    text = value.text(heading.decimals)
    if len(order) > 1 and printed == order[0]:
        return f"**{text}**"
    return f"<u>{text}</u>" if len(order) > 2 and printed == order[1] else text


def _interval(line: Line, heading: Heading) -> str:
    return " – ".join(f"{end:.{heading.decimals}f}" for end in line.interval) if line.interval else "—"


def _gain(line: Line, heading: Heading, *, compared: bool, notes: Footnotes) -> str:
    """Return the text of a gain; ``compared``: whether the table has bicubic interpolation."""
    if line.reference:
        return "reference"
    if line.gain is not None:
        return signed(line.gain, heading.decimals)
    return "—" if compared else "—" + notes.mark("Bicubic interpolation was not measured under this protocol id.")


def _reported(line: Line, heading: Heading) -> str:
    score = line.first.scores.get(heading.metric)
    mean = line.scores[heading].mean
    if not score or score.reported is None or score.protocol != heading.protocol:
        return ""
    text = f"{score.reported:.{heading.decimals}f}"
    if mean is not None:
        text += f" ({signed(mean - score.reported, heading.decimals)})"
    return text + (f"<br><sub>{markdown(score.reported_source)}</sub>" if score.reported_source else "")


def _head(heading: Heading, table: Table) -> str:
    same = [h for h in table.headings if h.metric == heading.metric]
    number = f" ({same.index(heading) + 1})" if len(same) > 1 else ""
    return f"{markdown(heading.label)}{number}{heading.bracketed_unit} {heading.arrow}"
