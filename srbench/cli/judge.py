"""``srbench judge``: rank results by the formula of a competition."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.json_output import Json, print_json
from srbench.cli.options import one_scale
from srbench.cli.tables import print_table, print_text

if TYPE_CHECKING:
    from srbench.judging.ranking import JudgedRow, Judgement


def judge(
    results: Annotated[
        Path, typer.Argument(help="Results folder, leaderboard.csv, or a table of measurements (docs/judge.md).")
    ],
    *,
    track: Annotated[str, typer.Option("--track", help="Track, such as ntire-esr-2026; docs/judge.md lists them.")],
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="ROW",
            help="Row to compare with, or its measurements: runtime_ms=7.74,flops_g=9.83,params_m=0.151. "
            "Default: the organisers' baseline.",
        ),
    ] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(metavar="ROW:TERM=VALUE", help="Replace a measurement. May be given several times."),
    ] = None,
    scale: Annotated[str | None, typer.Option(help="Factor to judge; default: that of the track.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Dataset to judge; default: the one with most rows.")] = None,
    json: Json = False,
) -> None:
    """Rank results by the formula of a competition, with every term.

    A row that lacks a measurement, or whose measurements do not compare with the others, has no rank; it is listed with
    the reason.

    Examples:
      srbench judge results --track ntire-esr-2026 --baseline edsr_small
      srbench judge results.txt --track ntire-esr-2026 --what-if 22_SPANV2_ESR_C2:flops_g=9.11
    """
    from srbench.judging.ranking import judge as judged

    found = judged(
        results, track, baseline=baseline, what_if=what_if or (), dataset=dataset,
        scale=None if scale is None else one_scale(scale),
    )  # fmt: skip
    if json:
        print_json("judge", found)
    else:
        _print(found)


def _print(found: Judgement) -> None:
    from srbench.judging.tracks import track_named

    terms = [term for term in track_named(found.track).shown if any(term.name in row.measured for row in found.rows)]
    parts = list(dict.fromkeys(part for row in found.rows for part in row.parts))
    rows = [
        [
            row.name, "—" if row.rank is None else str(row.rank),
            *(f"{row.measured[t.name]:.{t.decimals}f}" if t.name in row.measured else "" for t in terms),
            *(f"{row.parts[part]:.4f}" if part in row.parts else "" for part in parts),
        ]
        for row in found.rows
    ]  # fmt: skip
    heads = ["model", "rank", *(term.name for term in terms), *parts]
    print_table(found.label, heads, rows, right=heads[1:], long=True)
    for row in found.rows:
        for sentence in _said(row):
            print_text(sentence)
    base = ", ".join(f"{name} {value:g}" for name, value in found.baseline_values.items())
    print_text(f"{found.formula}; {found.source}.")
    if found.baseline:
        print_text(f"Baseline: {found.baseline} ({base}).")
    for note in found.notes:
        print_text(note)


def _said(row: JudgedRow) -> list[str]:
    no_rank = [f"{row.name} has no rank: {row.reason}."] if row.reason and row.reason != "the baseline" else []
    return no_rank + [f"{row.name}: {note}." for note in row.notes]
