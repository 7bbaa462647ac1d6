"""``srbench status`` and ``srbench cancel``: follow and stop a run from any shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import plain_console, say
from srbench.cli.json_output import Json, print_json
from srbench.escaping import one_line

if TYPE_CHECKING:
    from srbench.running.status import RunningJob, RunStatus

ResultsOfRun = Annotated[Path, typer.Argument(help="The folder of --results of the run.")]


def status(results: ResultsOfRun = Path("results"), *, json: Json = False) -> None:
    """Show how a run is going: what runs where, how far it is, and what failed.

    It reads files in the results folder, so that it works in any shell of any machine that sees the folder, for every
    executor, and after the end too.

    Examples:
      srbench status
      srbench status mine --json
    """
    from srbench.running.status import read_status

    found = read_status(results)
    if json:
        print_json("status", found)
    else:
        _print(found)


def cancel(results: ResultsOfRun = Path("results"), *, json: Json = False) -> None:
    """Stop a run as Ctrl-C does, wherever it is: trainings save a checkpoint, and jobs on a cluster are cancelled.

    What was finished is kept, and the same command goes on from there.

    Examples:
      srbench cancel
      srbench cancel mine
    """
    from srbench.running.status import stop_run

    found = stop_run(results)
    if json:
        print_json("cancel", found)
    else:
        say(f"The run in {results}, process {found.pid} on {found.host}, is asked to stop.")


def _print(found: RunStatus) -> None:
    from srbench.cli.tables import print_table
    from srbench.running.estimate import in_words
    from srbench.running.status import age_of

    console = plain_console()
    heard = f", last heard of {in_words(age_of(found.last_event))} ago" if found.last_event else ""
    place = f"process {found.pid} on {found.host}, {found.executor} with {found.workers} at once"
    console.print(one_line(f"{found.results}: suite {found.suite or '?'} {found.state}{heard}; {place}"))
    console.print(f"{found.finished} of {found.jobs} jobs done, {len(found.failed)} failed; {found.cells} cells")
    rows = [(one_line(job.job), job.worker, _progress(job)) for job in found.running]
    if rows:
        print_table("", ("running", "worker", "progress"), rows, right=("progress",), breakable=True)
    for sentence in found.begun_again:
        console.print(one_line(sentence))
    for failed in found.failed:
        console.print(one_line(f"failed {failed.job}: {failed.reason}"))


def _progress(job: RunningJob) -> str:
    from srbench.running.estimate import in_words

    left = "" if job.seconds_left is None else f", about {in_words(job.seconds_left)} left"
    return f"{job.done:,} of {job.of:,}{left}" if job.of else ""
