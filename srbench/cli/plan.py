"""``srbench plan``: show what a run would do; and make the schedule that ``run`` carries out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from srbench.cli.console import plain_console, warn
from srbench.cli.options import (
    Data,
    Device,
    PluginFiles,
    Strict,
    SuiteName,
    Threads,
    WeightsFolders,
    data_root,
    resolve_device,
    with_run_options,
)
from srbench.errors import UsageError
from srbench.escaping import one_line
from srbench.planning.overrides import RunOptions

if TYPE_CHECKING:
    from srbench.plain import PlainConsole
    from srbench.running.schedule import Schedule

_READ_AT_ONCE = 500
"""Cells up to which a table is broken to the width of the terminal, which takes a millisecond a row."""


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
    """Show what a run would do, and about how long it takes.

    Each cell says what is cached. Nothing is run.
    """
    from srbench.running.estimate import Estimator, in_words

    schedule = planned(
        suite, options, data=data, plugin=plugin, strict=strict_plugins, weights_dir=weights_dir, device=device,
        threads=threads,
    )  # fmt: skip
    console = plain_console()
    _print_cells(console, schedule)
    jobs = schedule.open_jobs()
    estimator = Estimator(schedule.session)
    seconds = sum(estimator.seconds(scheduled.job) for scheduled in jobs)
    impossible = sum(own.measure.reason is not None for own in schedule.cells.values())
    possible = "nothing of it is possible" if impossible == len(schedule.cells) else "everything possible is cached"
    rest = possible if impossible else "everything is cached"
    console.print(
        f"{len(schedule.cells)} cells"
        + (f", {impossible} of them impossible" if impossible else "")
        + (f", {len(jobs)} jobs to do, about {in_words(seconds)} on this machine." if jobs else f"; {rest}.")
    )
    if impossible:
        raise typer.Exit(1)


def _print_cells(console: PlainConsole, schedule: Schedule) -> None:
    """Print a line a cell: in the width of a terminal, or aligned and unbroken for pipes and for thousands of cells."""
    from rich.table import Table
    from rich.text import Text

    print_aligned = not console.is_terminal or len(schedule.cells) > _READ_AT_ONCE
    several = len({cell.protocol.name for cell in schedule.cells}) > 1
    columns = ("method", "dataset", "scale", "degradation", *(("protocol",) if several else ()), "weights", "scores")
    rows = []
    reasons: dict[str, int] = {}
    for cell, jobs in schedule.cells.items():
        failure, trainings = jobs.measure.reason, jobs.measure.needs
        weights = "cached" if all(map(schedule.done, trainings)) else f"to train, seed {cell.model.seed}"
        cells = (
            cell.model.method,
            cell.dataset,
            f"x{cell.scale}",
            cell.degradation,
            *((cell.protocol.name,) if several else ()),
            weights if trainings else cell.model.source,
            f"impossible [{reasons.setdefault(failure, len(reasons) + 1)}]"
            if failure
            else "cached"
            if schedule.done(jobs.measure)
            else "to measure",
        )
        rows.append(tuple(map(one_line, cells)))
    title = f"suite {schedule.plan.suite.name}"
    notes = [one_line(f"[{number}] {reason}") for reason, number in reasons.items()]  # said once, they may be long
    if print_aligned:
        widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (columns, *rows)]
        console.file.write(
            "\n".join((one_line(title), *lines, *notes, ""))
        )  # laying out thousands of lines takes seconds
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in ("scale", "dataset"), overflow="fold")
    for *row, scores in rows:
        table.add_row(*row, Text(scores, "red" if scores.startswith("impossible") else ""))
    console.print(table)
    for note in notes:
        console.print(note)


def planned(
    name: str, options: RunOptions, *, data: Path | None, plugin: list[Path] | None, strict: bool,
    weights_dir: list[Path] | None, device: str, threads: int, tensorboard: Path | None = None,
) -> Schedule:  # fmt: skip
    """Read the suite, apply the options and lay out the jobs."""
    from srbench.files import cache_root
    from srbench.planning.plan import make_plan
    from srbench.planning.suite import load_suite
    from srbench.running.schedule import Schedule
    from srbench.running.session import Session

    suite = options.applied_to(load_suite(name))
    session = Session(
        plugin_files=tuple(path.resolve() for path in plugin or ()),
        strict_plugins=strict,
        data_root=data_root(data),
        weights_folders=tuple(weights_dir or ()),
        cache=cache_root(),
        device=resolve_device(device),
        threads=threads,
        limit=options.limit,
        images_kept=suite.images_kept,
        log_folder=tensorboard,
    )
    for broken in session.catalog.broken:
        warn(str(broken.error))
    plan = make_plan(suite, session.catalog, options)
    schedule = Schedule(plan, session)
    for sentence in session.library.warnings.values():
        warn(sentence)
    return schedule


def require_some_cell(schedule: Schedule) -> None:
    """Refuse a run without a possible cell.

    Raises:
        UsageError: Every cell is impossible; the first reason, and the number of others.
    """
    reasons = [own.measure.reason for own in schedule.cells.values()]
    if all(reasons):
        first, *others = dict.fromkeys(map(str, reasons))
        raise UsageError(first + (f" And {len(others)} more reasons: see `srbench plan`." if others else ""))
