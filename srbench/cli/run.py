"""``srbench run``: a full benchmark."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import complain, plain_console, say
from srbench.cli.following import JsonFile, Quiet, following, is_silent
from srbench.cli.help import CHANGE, MACHINE, OUTPUT
from srbench.cli.options import (
    Data,
    Device,
    PluginFiles,
    Results,
    Strict,
    SuiteName,
    Threads,
    WeightsFolders,
    with_run_options,
)
from srbench.escaping import one_line
from srbench.planning.overrides import RunOptions

if TYPE_CHECKING:
    from srbench.running.runner import Outcome


@with_run_options
def run(
    ctx: typer.Context,
    suite: SuiteName = "quick",
    *,
    data: Data = None,
    results: Results = Path("results"),
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    options: RunOptions,
    weights_dir: WeightsFolders = None,
    device: Device = "cpu",
    threads: Threads = 0,
    executor: Annotated[
        str,
        typer.Option(
            "--executor", help="Executor that runs the jobs; see `srbench list executors`.", rich_help_panel=MACHINE
        ),
    ] = "here",
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Jobs at once, where the executor can.", rich_help_panel=MACHINE)
    ] = 1,
    profile: Annotated[
        bool,
        typer.Option("--profile/--no-profile", help="Measure cost (MACs, latency, memory).", rich_help_panel=CHANGE),
    ] = True,
    tensorboard: Annotated[
        Path | None, typer.Option("--tensorboard", help="Write training curves here.", rich_help_panel=OUTPUT)
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train and measure again, even if it is cached.", rich_help_panel=MACHINE)
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only show what would be done, as `srbench plan` does.", rich_help_panel=MACHINE
        ),
    ] = False,
    quiet: Quiet = False,
    json_log: JsonFile = None,
) -> None:
    """Train and measure all models of a suite; write leaderboards.

    The default suite, quick, uses photographs that come with scikit-image and takes minutes on a laptop's CPU. Finished
    work is taken from the cache, and a run that was stopped continues where it was.

    Examples:
      srbench run
      srbench run classic --data ~/datasets
      srbench run --architecture espcn,fsrcnn --scale 2 --results mine
      srbench run --executor processes --workers 2 --threads 1 > run.log
    """
    from srbench.cli.plan import planned, print_outline, require_some_cell
    from srbench.files import cache_root
    from srbench.profiling.other_work import warning_of_load
    from srbench.report.build import build_report
    from srbench.report.reading import read_packed
    from srbench.report.terminal import print_leaderboard
    from srbench.running.cache import cache_in_use
    from srbench.running.estimate import Estimator
    from srbench.running.events import Done, Note, Planned, Writing
    from srbench.running.freshness import note_finished, still_finished
    from srbench.running.runner import run_plan
    from srbench.running.store import results_lock

    begun = time.monotonic()
    question = {name: value for name, value in ctx.params.items() if name not in ("dry_run", "quiet", "json_log")}
    silent = is_silent(quiet=quiet, json_log=json_log)
    if not fresh and not dry_run and json_log is None and still_finished(results, question):
        if quiet:
            say(f"Results: {results}")
        else:
            print_leaderboard(plain_console(), results)
            say("Nothing was measured: nothing that these results depend on has changed since.")
        return
    with cache_in_use(cache_root()):
        schedule = planned(
            suite, replace(options, profile=profile), data=data, plugin=plugin, strict=strict_plugins,
            weights_dir=weights_dir, device=device, threads=threads, tensorboard=tensorboard,
        )  # fmt: skip
        chosen = schedule.session.catalog.executors[executor]
        at_once = workers if chosen.isolated else 1
        if dry_run:
            print_outline(schedule, at_once, fresh=fresh)
            return
        require_some_cell(schedule)
        with results_lock(results), following(quiet=quiet, json_log=json_log) as listener:
            read_packed(results)  # a damaged file is better reported now than after hours
            jobs, estimator = schedule.open_jobs(fresh=fresh), Estimator(schedule.session)
            listener(
                Planned(
                    suite=schedule.plan.suite.name,
                    cells=len(schedule.cells),
                    impossible=sum(own.measure.reason is not None for own in schedule.cells.values()),
                    jobs=len(jobs),
                    estimated_seconds=round(estimator.elapsed(jobs, at_once), 1),
                )
            )
            if jobs and (warning := warning_of_load(schedule.session.device)):
                listener(Note(text=warning))
            outcome = run_plan(schedule, results, chosen, workers, listener, fresh=fresh)
            listener(Writing(results=str(results)))
            if silent:
                build_report(results)
            else:
                print_leaderboard(plain_console(), results)
            if not outcome.failed:
                note_finished(results, question, schedule)
            listener(
                Done(
                    measured=outcome.measured,
                    cached=outcome.cached,
                    failed=len(outcome.failed),
                    seconds=round(time.monotonic() - begun, 1),
                    results=str(results),
                )
            )
    if quiet and json_log != "-":
        say(f"Results: {results}")
    _print_failures(outcome, len(schedule.cells), silent=silent)


def _print_failures(outcome: Outcome, cells: int, *, silent: bool) -> None:
    """Print why cells failed, on standard error if nothing else is printed; the exit status is 1 if there are any."""
    from rich.text import Text

    console = plain_console(stderr=silent)
    for title, reason in outcome.failed:
        console.print(Text.assemble(("failed", "red"), one_line(f" {title}: {reason}")))
    if outcome.failed:
        complain(
            f"{len(outcome.failed)} of {cells} cells failed, for the reasons above; the same command tries them again."
        )
        raise typer.Exit(1)
