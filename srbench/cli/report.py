"""`srbench report`: make the tables and figures of a results folder again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    results: Annotated[Path, typer.Argument(help="Folder that `srbench run` wrote.", metavar="RESULTS")] = Path(
        "results"
    ),
) -> None:
    """Rebuild leaderboards, plots and crops from the records in RESULTS, or from its records.jsonl.xz."""
    from rich.console import Console

    from srbench.report.reading import has_records
    from srbench.report.terminal import print_leaderboard
    from srbench.running.store import results_lock

    if has_records(results):
        with results_lock(results):
            print_leaderboard(Console(), results, force=True)
    else:
        print_leaderboard(Console(), results)
