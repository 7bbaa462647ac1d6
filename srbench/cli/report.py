"""``srbench report``: make the files of a results folder again; ``srbench compare``: gate a pull request."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import plain_console


def report(
    results: Annotated[Path, typer.Argument(help="Folder that `srbench run` wrote.", metavar="RESULTS")] = Path(
        "results"
    ),
    *,
    images: Annotated[
        bool, typer.Option("--images", help="Let leaderboard.html show the whole images of RESULTS/records too.")
    ] = False,
) -> None:
    """Rebuild tables and figures from the records of results.

    The records are the files below RESULTS/records and, for rows that these lack, RESULTS/records.jsonl.xz.
    """
    from srbench.report.reading import has_records
    from srbench.report.terminal import print_leaderboard
    from srbench.running.store import results_lock

    if has_records(results):
        with results_lock(results):
            print_leaderboard(plain_console(), results, force=True, images=images)
    else:
        print_leaderboard(plain_console(), results, images=images)


def compare(
    base: Annotated[Path, typer.Argument(help="Leaderboard before: a CSV file, results or records folder.")],
    head: Annotated[Path, typer.Argument(help="Leaderboard after.")],
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="RULE",
            help="A change that is not accepted, head minus base: 'psnr_y_db < -0.02', 'latency_ms_p50 > +10%'. "
            "May be given several times.",
        ),
    ] = None,
    markdown: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a pull-request comment there; - prints it instead.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a JUnit report there.")] = None,
) -> None:
    """List what changed from BASE to HEAD; fail if it got worse.

    Exit status 1 if a rule is broken, a row is missing, a cell newly failed, or the two sides do not compare.
    """
    from srbench.files import atomic_write
    from srbench.report.comparing.comparison import compare_rows
    from srbench.report.comparing.reading import read_leaderboard
    from srbench.report.comparing.rules import parse_rule
    from srbench.report.comparing.verdicts import render_junit, render_markdown
    from srbench.report.terminal import print_comparison

    before, after = read_leaderboard(base), read_leaderboard(head)
    known = {column for row in (*before, *after) for column in row}
    comparison = compare_rows(before, after, [parse_rule(text, known) for text in fail_on or ()])
    if markdown == "-":
        sys.stdout.write(render_markdown(comparison))
    else:
        print_comparison(plain_console(), comparison)
        if markdown:
            atomic_write(Path(markdown), render_markdown(comparison))
    if junit:
        atomic_write(junit, render_junit(comparison))
    if not comparison.passed:
        raise typer.Exit(1)
