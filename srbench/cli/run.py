"""``srbench run``: a full benchmark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import complain, plain_console
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
        str, typer.Option("--executor", help="Executor that runs the jobs; see `srbench list executors`.")
    ] = "here",
    workers: Annotated[int, typer.Option("--workers", min=1, help="Jobs at once, where the executor can.")] = 1,
    profile: Annotated[
        bool, typer.Option("--profile/--no-profile", help="Measure cost (MACs, latency, memory).")
    ] = True,
    tensorboard: Annotated[Path | None, typer.Option("--tensorboard", help="Write training curves here.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train and measure again, even if it is cached.")] = False,
) -> None:
    """Train and measure all models of a suite; write leaderboards.

    The default suite, quick, uses photographs that come with scikit-image and takes minutes on a laptop's CPU. Finished
    work is taken from the cache, and a run that was stopped continues where it was.
    """
    from rich.text import Text

    from srbench.cli.plan import planned, require_some_cell
    from srbench.files import cache_root
    from srbench.report.reading import read_packed
    from srbench.report.terminal import print_leaderboard
    from srbench.running.cache import cache_in_use
    from srbench.running.display import Display
    from srbench.running.freshness import note_finished, still_finished
    from srbench.running.runner import run_plan
    from srbench.running.store import results_lock

    console = plain_console()
    if not fresh and still_finished(results, ctx.params):
        print_leaderboard(console, results)
        console.print("Nothing was measured: nothing that these results depend on has changed since.")
        return
    with cache_in_use(cache_root()):
        schedule = planned(
            suite, replace(options, profile=profile), data=data, plugin=plugin, strict=strict_plugins,
            weights_dir=weights_dir, device=device, threads=threads, tensorboard=tensorboard,
        )  # fmt: skip
        require_some_cell(schedule)
        chosen = schedule.session.catalog.executors[executor]
        with results_lock(results):
            read_packed(results)  # a damaged file is better reported now than after hours
            with Display(console) as display:
                outcome = run_plan(schedule, results, chosen, workers, display, fresh=fresh)
            print_leaderboard(console, results)
            if not outcome.failed:
                note_finished(results, ctx.params, schedule)
    console.print(f"{outcome.measured} cells measured, {outcome.cached} from the cache, {len(outcome.failed)} failed.")
    for title, reason in outcome.failed:
        console.print(Text.assemble(("failed", "red"), one_line(f" {title}: {reason}")))
    if outcome.failed:
        total = len(schedule.cells)
        complain(
            f"{len(outcome.failed)} of {total} cells failed, for the reasons above; the same command tries them again."
        )
        raise typer.Exit(1)
