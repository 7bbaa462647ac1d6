"""``srbench compare``: say what changed between two leaderboards, and gate a pull request."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import plain_console
from srbench.cli.json_output import Json, print_json
from srbench.errors import UsageError


def compare(
    base: Annotated[Path, typer.Argument(help="Leaderboard before: a CSV file, results or records folder.")],
    head: Annotated[Path, typer.Argument(help="Leaderboard after.")],
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="RULE",
            help="A change that is not accepted, head minus base: 'psnr_y_db < -chance' (worse beyond chance, by the "
            "spread between seeds), 'psnr_y_db < -0.02', 'latency_ms_p50 > +10%', "
            "'psnr_y_db{architecture=edsr*} < -0.05' (some rows). May be given several times.",
        ),
    ] = None,
    renamed: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=NEW", help="A name of BASE that HEAD calls otherwise. May be given several times."),
    ] = None,
    markdown: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a pull-request comment there; - prints it instead.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a JUnit report there.")] = None,
    json: Json = False,
) -> None:
    """List what changed from BASE to HEAD; fail if it got worse.

    Exit status 1 if a rule is broken, a row is missing, a cell newly failed, or the two sides do not compare.

    Examples:
      srbench compare results mine
      srbench compare results mine --fail-on 'psnr_y_db < -chance' --markdown comment.md
    """
    from srbench.benchmarking.compare import compare as compare_results
    from srbench.benchmarking.outcomes import compared
    from srbench.files import atomic_write
    from srbench.report.comparing.verdicts import render_junit, render_markdown
    from srbench.report.terminal import print_comparison

    if json and markdown == "-":
        raise UsageError("--json and --markdown - both print to standard output; give --markdown a file.")
    comparison = compare_results(base, head, fail_on or (), renamed=renamed or ())
    if markdown == "-":
        sys.stdout.write(render_markdown(comparison))
    elif markdown:
        atomic_write(Path(markdown), render_markdown(comparison))
    if json:
        print_json("compare", compared(comparison))
    elif markdown != "-":
        print_comparison(plain_console(), comparison)
    if junit:
        atomic_write(junit, render_junit(comparison))
    if not comparison.passed:
        raise typer.Exit(1)
