"""``srbench plan``: show what a run would do; and make the schedule that ``run`` carries out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from srbench.cli.console import plain_console, warn
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import (
    Data,
    Device,
    PluginFiles,
    Strict,
    SuiteName,
    Threads,
    WeightsFolders,
    with_run_options,
)
from srbench.escaping import one_line
from srbench.planning.overrides import RunOptions

if TYPE_CHECKING:
    from srbench.running.outline import Outline, Work
    from srbench.running.schedule import Schedule


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
    json: Json = False,
) -> None:
    """Show what a run would do, and about how long it takes.

    Models that differ only in their seeds are one line, which says what of them is cached. Nothing is run; `srbench run
    --dry-run` shows the same with every option of a run.

    Examples:
      srbench plan
      srbench plan classic --data ~/datasets
      srbench plan --architecture espcn,fsrcnn --scale 2
    """
    schedule = planned(
        suite, options, data=data, plugin=plugin, strict=strict_plugins, weights_dir=weights_dir, device=device,
        threads=threads,
    )  # fmt: skip
    print_outline(schedule, json=json)


def print_outline(
    schedule: Schedule, workers: int = 1, executor: str = "here", *, fresh: bool = False, json: bool = False
) -> None:
    """Print what a run would do, for people or as JSON; exit 1 if a cell is impossible."""
    from srbench.running.outline import outline_of

    at_once = workers if schedule.session.catalog.executors[executor].isolated else 1
    outline = outline_of(schedule, at_once, fresh=fresh)
    if json:
        print_json("plan", outline)
    else:
        _print(outline)
    if outline.cells.impossible:
        raise typer.Exit(1)


def _print(outline: Outline) -> None:
    """Print the sum, the models, the stages, and the sum again."""
    from rich.text import Text

    from srbench.cli.tables import is_laid_out, print_table
    from srbench.running.estimate import in_words

    console, total = plain_console(), f"suite {outline.suite}: {_sum(outline)}"
    console.print(total)
    if is_laid_out(console):
        console.print()
    numbers: dict[str, int] = {}
    rows = []
    for model in outline.models:
        marks = "".join(f" [{numbers.setdefault(reason, len(numbers) + 1)}]" for reason in model.reasons)
        rows.append(
            (
                " · ".join((model.title, *model.drawn)),
                _state(model.training, "to train", "cached") if model.training.all else model.source,
                Text("\n").join(
                    [
                        *([Text(f"{model.measuring.impossible} impossible{marks}", "red")] if marks else []),
                        *([Text(_state(model.measuring, "to measure", "cached"))] if model.possible else []),
                    ]
                ),
                in_words(model.seconds) if model.training.to_do or model.measuring.to_do else "",
                ", ".join(model.datasets),
            )
        )
    print_table("", ("model", "weights", "scores", "time", "datasets"), rows, right=("time",), breakable=True)
    stages = [(name, str(work.all), str(work.to_do), in_words(work.seconds)) for name, work in outline.stages.items()]
    print_table("", ("stage", "jobs", "to do", "time"), stages, right=("jobs", "to do", "time"))
    for reason, number in numbers.items():
        console.print(one_line(f"[{number}] {reason}"))
    console.print(total)


def _state(work: Work, to_do: str, done: str) -> str:
    """Return how many of some jobs are to do: "3 to train", "1 of 3 to train", "cached"."""
    if not work.to_do:
        return done
    return f"{work.to_do} {to_do}" if work.to_do == work.all else f"{work.to_do} of {work.all} {to_do}"


def _sum(outline: Outline) -> str:
    from srbench.running.estimate import in_words

    cells, impossible = outline.cells.all, outline.cells.impossible
    if outline.jobs:
        side_by_side = f" with {outline.workers} workers" if outline.workers > 1 else ""
        work = f", {outline.jobs} jobs to do, about {in_words(outline.seconds)} on this machine{side_by_side}."
    elif impossible:
        work = "; nothing of it is possible." if impossible == cells else "; everything possible is cached."
    else:
        work = "; everything is cached."
    return f"{cells} cells" + (f", {impossible} of them impossible" if impossible else "") + work


def planned(
    name: str, options: RunOptions, *, data: Path | None, plugin: list[Path] | None, strict: bool,
    weights_dir: list[Path] | None, device: str, threads: int, executor: str = "here",
) -> Schedule:  # fmt: skip
    """Read the suite, apply the options and lay out the jobs."""
    from srbench.benchmarking.schedules import lay_out
    from srbench.running.session import open_session

    session = open_session(
        data=data, plugin_files=plugin or (), strict_plugins=strict, weights_folders=weights_dir or (), device=device,
        threads=threads, executor=executor, warn=warn,
    )  # fmt: skip
    return lay_out(name, options, session, warn)
