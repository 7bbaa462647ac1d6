"""Write what a search found: search.md for people, search.csv for programs, search.png with both fronts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from srbench.escaping import markdown, markdown_sentence
from srbench.files import atomic_write
from srbench.measuring.uncertainty import Interval
from srbench.report.formats import CsvRow, grid, signed, write_csv
from srbench.report.pictures import draw_pictures
from srbench.searching.costs import LABELS, Costs
from srbench.searching.found import FOUND, Final, Findings
from srbench.searching.picture import picture_of
from srbench.searching.study import STATUSES

PAGE, TABLE = "search.md", "search.csv"

ABOUT_TAU = (
    "Kendall's tau is 1 if the search ranks two networks as their final training does for every pair of them, 0 if it "
    "says nothing about it, and −1 if it is always wrong. It is over the networks of the first table, whose front was "
    "selected by its scores in the search."
)


def write_page(findings: Findings, results: Path) -> list[Path]:
    """Write the files of a search into its results folder and return them, with sentences about what was not drawn."""
    picture = picture_of(findings, results)
    there, _ = draw_pictures([picture])
    atomic_write(results / PAGE, render_page(findings, shown=picture.path in there))
    write_csv(results / TABLE, _columns(findings), _rows(findings))
    return [results / PAGE, results / TABLE, *there, results / FOUND]


def render_page(findings: Findings, *, shown: bool) -> str:
    """Return the text of search.md; ``shown`` says whether there is a picture."""
    space = findings.space
    out = [f"# What the search of suite {markdown(space.suite.name)} found", "", markdown(space.suite.about), ""]
    out += [_summary(findings), ""]
    if shown:
        out += ["![Scores against costs, in the search and after the final training](search.png)", ""]
    out += ["## The networks", "", _about_networks(findings), "", *_table(findings), ""]
    out += ["Their names, for suites and for `--architecture`; `" + FOUND + "` is the suite that trained them:", ""]
    out += ["```", *(final.name for final in findings.found), "```", ""]
    out += ["## Does the search predict the final scores?", "", f"{_tau(findings)} {ABOUT_TAU}", ""]
    return "\n".join(out).rstrip() + "\n"


def _summary(findings: Findings) -> str:
    space, search = findings.space, findings.space.search
    counts = Counter(one.status for one in findings.tried)
    parts = [f"{counts[status]} {words}" for status, words in STATUSES.items() if counts[status]]
    limits = [f"`{name}` ≤ {limit:,}" for name in LABELS if (limit := getattr(search.limits, name)) is not None]
    return markdown_sentence(
        f"Of {space.size:,} combinations, `{search.sampler}` proposed {len(findings.tried)}: {', '.join(parts)}. "
        f"Networks were compared on `{search.dataset}` x{space.scale} ({space.grid.degradations[0]}) after the recipe "
        f"`{search.recipes[-1]}`, by {findings.metric_label} against {LABELS[search.cost]}"
        f"{', with ' + ' and '.join(limits) if limits else ''}."
    )


def _about_networks(findings: Findings) -> str:
    dataset = findings.space.grid.datasets[0]
    return markdown_sentence(
        "Networks of the front of the search, cheapest first, and some others were trained by the suite's own recipe, "
        f"and measured on `{dataset}`, whose images chose nothing. Gains are paired by seed and image, with 95 % "
        "intervals. `leaderboard.md` has every score, and `search.csv` everything that was proposed."
    )


def _table(findings: Findings) -> list[str]:
    label, unit = findings.metric_label, findings.bracketed_unit
    trained = [final for final in findings.references if final.score is not None]
    costs = [name for name in LABELS if any(f.costs and getattr(f.costs, name) is not None for f in findings.finals)]
    header = ["Network", "Front", *(markdown(LABELS[name]) for name in costs)]
    header += [
        f"{label} in the search",
        markdown(f"Final {label}{unit}"),
        *(f"Gain over {markdown(f.label)}" for f in trained),
    ]
    rows = [
        [
            markdown(final.label),
            "yes" if final.on_front else "",
            *(_cost(final.costs, name) for name in costs),
            _number(final.expected),
            _number(final.score),
            *("" if final is base else _gain(findings.gain(final, base)) for base in trained),
        ]
        for final in findings.finals
    ]
    return grid(header, rows, left=2)


def _cost(costs: Costs | None, name: str) -> str:
    if costs is None or getattr(costs, name) is None:
        return "—"
    return costs.text(name)  # type: ignore[arg-type]


def _number(value: float | None, decimals: int = 3) -> str:
    return "—" if value is None else f"{value:.{decimals}f}"


def _gain(gain: tuple[float, Interval] | None) -> str:
    if gain is None:
        return "—"
    mean, interval = gain
    return signed(mean, 3) + (f" ({signed(interval[0], 3)} to {signed(interval[1], 3)})" if interval else "")


def _tau(findings: Findings) -> str:
    count = sum(final.score is not None for final in findings.found)
    if findings.tau is None:
        return f"{count} networks were trained, too few or too equal for Kendall's tau."
    if findings.tau_interval is None:
        return f"τ = {findings.tau:.2f} over {count} networks, too few for an interval."
    low, high = findings.tau_interval
    return f"τ = {findings.tau:.2f} (95 % interval {low:.2f} to {high:.2f}) over {count} networks."


def _columns(findings: Findings) -> list[str]:
    recipes = [f"{findings.space.metric} {recipe}" for recipe in findings.space.search.recipes]
    return ["number", "network", "status", "reason", *LABELS, *recipes, "on_front", "final"]


def _rows(findings: Findings) -> list[CsvRow]:
    finals: dict[str, Final] = {final.name: final for final in findings.found}
    rows: list[CsvRow] = []
    for one in findings.tried:
        if one.status == "known":
            continue
        final = finals.get(one.name) if one.status == "measured" else None
        costs: CsvRow = {name: getattr(one.costs, name) for name in LABELS} if one.costs else {}
        row: CsvRow = {"number": one.number, "network": one.name, "status": one.status, "reason": one.reason, **costs}
        for recipe, scores in one.scores.items():
            row[f"{findings.space.metric} {recipe}"] = _mean(list(scores.values()))
        row["on_front"] = "yes" if final and final.on_front else ""
        row["final"] = final.score if final else None
        rows.append(row)
    return rows


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
