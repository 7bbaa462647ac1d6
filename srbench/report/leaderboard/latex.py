"""Write the leaderboard as tables of LaTeX, with rules of booktabs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from srbench.escaping import one_line
from srbench.report.formats import REIMPLEMENTED
from srbench.report.leaderboard.sheets import (
    Cell,
    Mark,
    Sheet,
    beside_students,
    by_inference,
    cost_columns,
    joined,
    ranking,
)
from srbench.report.leaderboard.tables import Section, Table

PACKAGES = ("booktabs", "graphicx")
"""What a document that includes the tables must load."""
_SPELLED = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "±": r"$\pm$", "×": r"$\times$", "−": "$-$",
    "–": "--", "—": "---", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "≈": r"$\approx$", "≤": r"$\le$", "≥": r"$\ge$",
    "²": r"\textsuperscript{2}", "³": r"\textsuperscript{3}", "·": r"$\cdot$", "Δ": r"$\Delta$", "…": r"\dots{}",
    "ρ": r"$\rho$", "’": "'", "•": r"$\bullet$", "\N{NO-BREAK SPACE}": "~",
} | {sign: f"\\{sign}" for sign in "&%$#_{}"}  # fmt: skip


def render_latex(sections: Sequence[Section]) -> str:
    r"""Return the text of leaderboard.tex, which a document includes by ``\input``.

    For each test there is a table that ranks methods by their scores, and one of quality and costs: for each inference
    if it has several datasets, otherwise for each test with costs. The best score is bold, the second underlined, and
    teachers are in italics after the best of their students.
    """
    loads = "".join(rf"\usepackage{{{package}}}" for package in PACKAGES)
    out = [
        rf"% Tables by `srbench report --format latex`. Load {loads}",
        r"% and include them by \input{leaderboard}.",
        "",
    ]
    for section in sections:
        for tables in by_inference(section):
            several = len({table.dataset for table in tables if table.headline}) > 1
            if several:
                out += _float(joined(tables), section, tables, "quality and cost", f"{tables[0].inference}-costs")
            for table in tables:
                out += _float(ranking(table), section, [table], table.place(", "), section.stem_of(table))
                if not several and cost_columns([table], table.lines):
                    name = f"{section.stem_of(table)}_costs"
                    out += _float(joined([table]), section, [table], f"{table.place(', ')}, quality and cost", name)
    return "\n".join(out).rstrip() + "\n"


def latex(text: str) -> str:
    """Return text that LaTeX shows as it is, with pdflatex too; a letter that its fonts lack is named by its number."""
    return "".join(_SPELLED.get(c) or _letter(c) for c in one_line(text))


def _letter(character: str) -> str:
    if character.isascii() or "\N{LATIN CAPITAL LETTER A WITH GRAVE}" <= character <= "\N{LATIN SMALL LETTER LONG S}":
        return character
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or rf"\texttt{{U+{ord(character):04X}}}"


def _float(sheet: Sheet, section: Section, tables: Sequence[Table], about: str, name: str) -> list[str]:
    starred = any(line.starred for table in tables for line, _ in beside_students(table.lines))
    caption = f"{about}, x{section.scale}, {section.degradation_label}, protocol {section.protocol}."
    notes = [f"* {REIMPLEMENTED}."] if starred else []
    timings = {timing for table in tables for timing in table.timings}
    if len(timings) == 1 and any(column.head[0].startswith("Latency") for column in sheet.columns):
        notes.append(f"Latency: {timings.pop()}.")
    label = re.sub(r"[^A-Za-z0-9.:-]+", "-", f"{section.file_stem}-{section.protocol}-{name}")
    return [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex(' '.join([caption[0].upper() + caption[1:], *notes]))}}}",
        rf"\label{{tab:{label}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        *_tabular(sheet),
        "}",
        r"\end{table}",
        "",
    ]


def _tabular(sheet: Sheet) -> list[str]:
    depth = max(len(column.head) for column in sheet.columns)
    out = [rf"\begin{{tabular}}{{{''.join('l' if column.left else 'r' for column in sheet.columns)}}}", r"\toprule"]
    for row in range(depth):
        lines = (column.head[row] if row < len(column.head) else "" for column in sheet.columns)
        out.append(" & ".join(map(latex, lines)) + r" \\")
    out.append(r"\midrule")
    name = next(number for number, column in enumerate(sheet.columns) if column.head[0] == "Method")
    for teacher, cells in sheet.rows():
        texts = [_cell(cell) for cell in cells]
        texts[name] = rf"\textit{{{texts[name]}}}" if teacher else texts[name]
        out.append(" & ".join(texts) + r" \\")
    return [*out, r"\bottomrule", r"\end{tabular}%"]


def _cell(cell: Cell) -> str:
    return " / ".join(map(_marked, cell.marks))


def _marked(mark: Mark) -> str:
    text = latex(mark.text)
    return (text, rf"\textbf{{{text}}}", rf"\underline{{{text}}}")[mark.place]
