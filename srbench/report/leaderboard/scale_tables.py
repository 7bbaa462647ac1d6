"""Write scores, and what they cost, against the scale as Markdown: a row for each method, a column for each scale."""

from __future__ import annotations

from srbench.escaping import markdown
from srbench.report.formats import grid
from srbench.report.leaderboard.by_scale import ByScale, Point, ties_with_best

ABOUT = (
    "At each scale, the best score is **bold**, and ≈ follows those that are not significantly worse: the 95 % "
    "interval of their paired difference over images and seeds contains zero."
)
REDUCED = "↓: sr of the network for the next larger whole scale, reduced by MATLAB's `imresize`."
COSTS = {
    "macs_720p_g": "MACs for a 1280×720 output [G]",
    "macs_input_m": "MACs for an image [M]",
    "latency_ms_p50": "Latency p50 [ms]",
}
"""The figures of a profile that change with the scale, and what a table of them is called."""


def scale_lines(comparison: ByScale) -> list[str]:
    """Return the tables of a dataset, with what their marks say."""
    curves, scales, heading = comparison.curves(), comparison.scales, comparison.heading
    ties = {
        id(tie)
        for scale in scales
        for tie in ties_with_best([p for points in curves.values() for p in points if p.scale == scale])
    }
    best = {
        scale: max(heading.sign * p.mean for points in curves.values() for p in points if p.scale == scale)
        for scale in scales
    }

    def score(point: Point) -> str:
        text = point.line.scores[point.heading].text(heading.decimals)
        text += "↓" if point.applied_at else ""
        if heading.sign * point.mean == best[point.scale]:
            return f"**{text}**"
        return text + (" ≈" if id(point) in ties else "")

    header = ["Method", *(f"x{scale}" for scale in scales)]

    def table(cell: dict[str, dict[str, str]]) -> list[str]:
        rows = [[markdown(title), *(cells.get(str(scale), "—") for scale in scales)] for title, cells in cell.items()]
        return [*grid(header, rows, left=1), ""]

    scores = {title: {str(point.scale): score(point) for point in points} for title, points in curves.items()}
    what = f"{markdown(comparison.title)}: {markdown(heading.label)}{heading.bracketed_unit} {heading.arrow} by scale"
    out = [f"**{what}**", "", *table(scores)]
    words = [ABOUT]
    if any(point.applied_at for points in curves.values() for point in points):
        words.append(REDUCED)
    for low, high in comparison.trained_ranges():
        words.append(f"Where patches had scales of their own, these were from x{low:g} to x{high:g}.")
    out += [f"<sub>{' '.join(words)}</sub>", ""]
    for name, called in COSTS.items():
        costs = _costs(curves, name)
        if any(costs.values()):
            out += [f"{called}:", "", *table(costs)]
    return out


def _costs(curves: dict[str, list[Point]], name: str) -> dict[str, dict[str, str]]:
    """Return the texts of a figure by title and scale, where it is known."""
    found: dict[str, dict[str, str]] = {}
    for title, points in curves.items():
        found[title] = {}
        for point in points:
            value = point.line.costs.get(name)
            if value and value.mean is not None:
                found[title][str(point.scale)] = f"{value.mean:,.2f}" if value.mean < 10 else f"{value.mean:,.1f}"
    return found
