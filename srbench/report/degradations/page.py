"""degradations.md and degradations.csv: the matrices for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from srbench.report.degradations.matrix import PLAIN, Crossing, Row, Trial
from srbench.report.distillation.page import GAIN_COLUMNS, MARKS
from srbench.report.leaderboard import columns
from srbench.report.markdown import escape, grid, signed
from srbench.report.pairing import Gain

ABOUT = (
    "Each method by what it was trained on (rows), under each test degradation (columns). Best scores of a column are "
    "**bold**; *slanted* ones are at home, where training and test degradation stand for one setting. Drop is the mean "
    "at home minus the mean abroad, where degradations differ in difficulty too; behind is how much better the same "
    "method is where it was trained on what lies abroad, the mean over those it was trained on. The second table says "
    f"what is gained over training on `{PLAIN}`, paired by image and seed, with 95 % intervals over both, marked as in "
    "`distillation.md`. `docs/results.md` explains the arithmetic and the CSV file."
)


def figure_name(crossing: Crossing, kind: str = "crossing") -> str:
    """Name of the heat map, or of another kind of figure."""
    section, table = crossing.section, crossing.table
    parts = [f"x{section.scale}", table.dataset, section.protocol]
    parts += [] if table.inference == "whole" else [table.inference]
    return f"{kind}_{'_'.join(''.join(c if c.isalnum() or c in '_-' else '-' for c in part) for part in parts)}.png"


def representation_name(crossing: Crossing) -> str:
    """Name of the picture of representations."""
    return figure_name(crossing, "representation")


def render_crossings(crossings: Sequence[Crossing], figures: Iterable[Path] = ()) -> str:
    """degradations.md.

    Args:
        crossings: At least one.
        figures: Images beside it, shown where their name belongs.
    """
    shown = {figure.name for figure in figures}
    out = ["# Degradations: trained on, tested on", "", ABOUT, ""]
    for crossing in crossings:
        table = crossing.table
        place = table.label + ("" if table.inference == "whole" else f", {table.inference}")
        out += [f"## {place} x{crossing.section.scale} · {crossing.section.protocol}", ""]
        if figure_name(crossing) in shown:
            out += [f"![Scores by training and test degradation]({figure_name(crossing)})", ""]
        out += [*_scores(crossing), ""]
        if any(row.over_plain for row in crossing.rows):
            out += [f"Gain over training on `{PLAIN}`:", "", *_gains(crossing), ""]
        if representation_name(crossing) in shown:
            out += ["What the networks make of the degradation of each test image, on two axes:", ""]
            out += [f"![Representations, coloured by kernel]({representation_name(crossing)})", ""]
        out += [f"<sub>{' · '.join(f'`{test.headline.protocol}`' for test in crossing.tests)}</sub>", ""]
    return "\n".join(out).rstrip() + "\n"


def _head(test: Trial) -> str:
    unit = f" [{test.headline.unit}]" if test.headline.unit else ""
    return f"{test.label}: {test.headline.label}{unit}"


def _scores(crossing: Crossing) -> list[str]:
    decimals = crossing.tests[0].headline.decimals
    rows = []
    for row in crossing.rows:
        cells = [_score(crossing, row, test) for test in crossing.tests]
        ends = ["—" if value is None else signed(value, decimals) for value in (row.drop, row.behind)]
        rows.append([escape(row.method), _trained_on(row), *cells, *ends])
    return grid(["Method", "Trained on", *map(_head, crossing.tests), "Drop", "Behind"], rows, left=2)


def _trained_on(row: Row) -> str:
    return escape(row.train_degradation or "—")


def _score(crossing: Crossing, row: Row, test: Trial) -> str:
    value = row.scores.get(test)
    if value is None or value.mean is None:
        return "—"
    text = f"{value.mean:.{test.headline.decimals}f}"
    means = [v.mean for other in crossing.rows if (v := other.scores.get(test)) and v.mean is not None]
    best = max(means) if test.headline.higher_is_better else min(means)
    marked = f"**{text}**" if text == f"{best:.{test.headline.decimals}f}" else text
    return f"*{marked}*" if row.is_own(test) else marked


def _gains(crossing: Crossing) -> list[str]:
    rows = [
        [escape(row.method), _trained_on(row), *(_gain(row.over_plain.get(test), test) for test in crossing.tests)]
        for row in crossing.trained
        if row.over_plain
    ]
    return grid(["Method", "Trained on", *map(_head, crossing.tests)], rows, left=2)


def _gain(gain: Gain | None, test: Trial) -> str:
    if gain is None:
        return "—"
    mean, low, high = (signed(value, test.headline.decimals) for value in (gain.mean, gain.low, gain.high))
    return MARKS[gain.verdict].format(mean) + f" [{low}, {high}]"


def crossing_columns() -> list[str]:
    """The header of degradations.csv."""
    return [
        "architecture", "checkpoint", "distiller", "teacher", "recipe", "train_degradation", "train_setting",
        "degradation", "setting", "own", "dataset", "scale", "protocol", "inference", "metric", "score", "spread",
        *(f"over_{PLAIN}_{name}" for name in GAIN_COLUMNS), "drop", "behind",
    ]  # fmt: skip


def crossing_rows(crossings: Iterable[Crossing]) -> list[columns.Row]:
    """The rows of degradations.csv: one for each method, training and test degradation."""
    return [_row(row, test) for crossing in crossings for row in crossing.rows for test in row.scores]


def _row(row: Row, test: Trial) -> columns.Row:
    gain, value = row.over_plain.get(test), row.scores[test]
    made: columns.Row = {
        **row.line.first.row_id._asdict(), "train_setting": row.train_setting, "degradation": test.degradation,
        "setting": test.setting, "own": str(row.is_own(test)).lower() if row.train_degradation else None,
        "metric": test.headline.column, "score": value.mean, "spread": value.spread, "drop": row.drop,
        "behind": row.behind,
    }  # fmt: skip
    return made | {f"over_{PLAIN}_{name}": getattr(gain, name) if gain else None for name in GAIN_COLUMNS}
