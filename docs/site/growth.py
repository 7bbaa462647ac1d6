"""Draw docs/growth.png, what commands take of more and more cells, from the table of docs/scale.md.

``python -m docs.site.growth`` writes it; the numbers of the table are from ``python -m benchmarks.growth``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from srbench.report.pictures import FAINT, figure_at, sized

DOCS = Path(__file__).parents[1]
PAGE, PICTURE = DOCS / "scale.md", DOCS / "growth.png"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
ABOVE = {"plan": -5, "run with all cells cached": 11}
"""How many points a name is above the end of its line; 4 if it is not here."""
Series = dict[int, float]
"""Seconds by the number of cells."""


def growth(text: str) -> dict[str, Series]:
    """Return the seconds of each command, from the rows of a page's table that begins with a column "cells"."""
    rows = list(_rows(text))
    found: dict[str, Series] = {}
    for cells, *taken in rows[1:]:
        for command, words in zip(rows[0][1:], taken, strict=True):
            if seconds := re.match(r"([\d.]+) s\b", words):
                found.setdefault(command.replace("`", ""), {})[int(cells.replace(",", ""))] = float(seconds[1])
    return found


def _rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of the table's head and body."""
    table = text[text.index("| cells |") :].split("\n\n", maxsplit=1)[0]
    for line in table.splitlines():
        if not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def draw(path: Path = PICTURE) -> None:
    """Draw seconds against cells on logarithmic axes, with a line of what grows as the cells do."""
    with figure_at(path, 6.4, 3.8) as figure:
        axis = figure.subplots()
        for (command, series), colour in zip(growth(PAGE.read_text(encoding="utf-8")).items(), COLOURS, strict=True):
            cells = sorted(series)
            seconds = [series[count] for count in cells]
            axis.plot(cells, seconds, marker="o", color=colour, linewidth=1.8)
            name = command.replace("of two CSV files", "(CSV)").replace("with all cells cached", "(cached)")
            axis.annotate(
                name, (cells[-1], seconds[-1]), xytext=(7, ABOVE.get(command, 4)), textcoords="offset points",
                va="center", color=colour, fontsize=sized(9), fontweight="bold",
            )  # fmt: skip
        axis.plot([2_000, 100_000], [1.2, 60], color=FAINT, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
        axis.annotate("in proportion to the cells", (2_200, 1.15), color=FAINT, fontsize=sized(8))
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlim(70, 1_000_000)
        axis.set_xticks(ticks := [100, 1_000, 10_000, 100_000], [f"{count:,}" for count in ticks])
        axis.set_yticks(seconds := [1, 2, 5, 10, 20, 50], list(map(str, seconds)))
        axis.minorticks_off()
        axis.set_xlabel("Cells")
        axis.set_ylabel("Seconds")


if __name__ == "__main__":
    draw()
