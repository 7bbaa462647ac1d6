"""Make the leaderboard of every results folder a page of the site, from its packed records."""

from __future__ import annotations

from pathlib import Path

from docs.site.copying import PAGES, ROOT
from srbench.report.degradations.matrix import make_matrices
from srbench.report.distillation.gains import make_gain_tables
from srbench.report.leaderboard.sections import make_sections
from srbench.report.page.render import render_html
from srbench.report.reading import PACKED, read_records

NAME = "browse.html"
"""Another name than that of the file: the site makes leaderboard.html of leaderboard.md."""


def write_leaderboards(results: Path = ROOT / "results", pages: Path = PAGES) -> None:
    """Write it beside each copied ``leaderboard.md`` that has records, and link to it there."""
    for packed in sorted(results.rglob(PACKED)):
        folder = pages / packed.parent.relative_to(results.parent)
        records = read_records(packed.parent)
        sections = make_sections(records.records)
        html, _ = render_html(records, sections, make_gain_tables(sections), make_matrices(sections))
        (folder / NAME).write_text(html, encoding="utf-8")
        page = folder / "leaderboard.md"
        head, rest = page.read_text(encoding="utf-8").split("\n", 1)
        page.write_text(f"{head}\n\n[Filter, compare and plot this leaderboard]({NAME})\n{rest}", encoding="utf-8")
