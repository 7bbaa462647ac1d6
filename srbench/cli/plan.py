"""``srbench plan``: what a run would do."""

from __future__ import annotations

import typer

from srbench.cli.options import Data, Device, PluginFiles, Strict, SuiteName, Threads, WeightsFolders, with_run_options
from srbench.planning.overrides import RunOptions


@with_run_options
def plan(
    suite: SuiteName = "quick",
    *,
    data: Data = None,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    options: RunOptions,
    weights_dir: WeightsFolders = None,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Show the cells of a suite, what is cached, and about how long the rest will take. Nothing is run."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from srbench.cli.schedule import planned
    from srbench.running.estimate import Estimator, in_words

    schedule = planned(
        suite, options, data=data, plugin=plugin, strict=strict_plugins, weights_dir=weights_dir, device=device,
        threads=threads,
    )  # fmt: skip
    table = Table(title=f"suite {schedule.plan.suite.name}", title_justify="left", box=None, pad_edge=False)
    for column in ("method", "dataset", "scale", "degradation", "weights", "scores"):
        table.add_column(column, no_wrap=column in ("scale", "dataset"), overflow="fold")
    for cell, tasks in schedule.cells.items():
        failure, trainings = tasks.measure.reason, tasks.measure.needs
        weights_state = "cached" if all(map(schedule.done, trainings)) else f"to train, seed {cell.model.seed}"
        scores = "cached" if schedule.done(tasks.measure) else "to measure"
        table.add_row(
            cell.model.method,
            cell.dataset,
            f"x{cell.scale}",
            cell.degradation,
            weights_state if trainings else cell.model.source,
            f"[red]impossible: {escape(failure)}" if failure else scores,
        )
    console = Console()
    console.print(table)
    jobs = schedule.open_tasks()
    estimator = Estimator(schedule.session)
    seconds = sum(estimator.seconds(task.job) for task in jobs)
    impossible = sum(tasks.measure.reason is not None for tasks in schedule.cells.values())
    rest = "everything that is possible is cached" if impossible else "everything is cached"
    console.print(
        f"{len(schedule.cells)} cells"
        + (f", {impossible} of them impossible" if impossible else "")
        + (f", {len(jobs)} jobs to do, about {in_words(seconds)} on this machine." if jobs else f"; {rest}."),
        highlight=False,
    )
    if impossible:
        raise typer.Exit(1)
