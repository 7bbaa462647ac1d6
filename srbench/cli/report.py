"""``srbench report``: make the files of a results folder again."""

from __future__ import annotations

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
