"""``srbench run``: a full benchmark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import say, warn
from srbench.cli.following import JsonFile, Quiet, following, is_silent, print_end, print_failures
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
    words,
)
from srbench.cli.plan import planned, print_outline
from srbench.planning.overrides import RunOptions


@with_run_options
def run(
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
    devices: Annotated[
        int,
        typer.Option(
            "--devices",
            min=1,
            help="Processes that do one training together: a GPU each, or all on the CPU.",
            rich_help_panel=MACHINE,
        ),
    ] = 1,
    nodes: Annotated[
        int,
        typer.Option(
            "--nodes",
            min=1,
            help="Machines that share the processes of --devices; needs --executor slurm or ray.",
            rich_help_panel=MACHINE,
        ),
    ] = 1,
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
    track: Annotated[
        list[str] | None,
        typer.Option(
            "--track",
            metavar="NAME",
            help="Send training curves to trackio, tensorboard, wandb, mlflow, …; repeat, or separate by commas.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    track_dir: Annotated[
        Path | None,
        typer.Option("--track-dir", help="Where trackers write; default: their own.", rich_help_panel=OUTPUT),
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
    detach: Annotated[
        bool,
        typer.Option(
            "--detach",
            help="Run in the background; see `srbench status` and `cancel`.",
            rich_help_panel=MACHINE,
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
      srbench run --track trackio
      srbench run --executor processes --workers 2 --threads 1 > run.log
      srbench run classic --executor slurm --workers 16 --device cuda --detach
    """
    if dry_run:
        schedule = planned(
            suite, replace(options, profile=profile), data=data, plugin=plugin, strict=strict_plugins,
            weights_dir=weights_dir, device=device, threads=threads, executor=executor,
        )  # fmt: skip
        print_outline(schedule, workers, executor, fresh=fresh)
        return
    if detach:
        from srbench.benchmarking.detached import run_detached

        say(run_detached(results))
        return
    from srbench.benchmarking.run import run as run_suite

    with following(quiet=quiet, json_log=json_log) as listener:
        made = run_suite(
            suite, data=data, results=results, plugin_files=plugin or (), strict_plugins=strict_plugins,
            weights_folders=weights_dir or (), device=device, threads=threads, devices=devices, nodes=nodes,
            executor=executor, workers=workers,
            track=words(track), track_folder=track_dir, fresh=fresh, skip_unchanged=json_log is None,
            listener=listener, warn=warn,
            **replace(options, profile=profile).keywords,
        )  # fmt: skip
    silent = is_silent(quiet=quiet, json_log=json_log)
    print_end(results, made.report, quiet=quiet, json_log=json_log)
    if made.outcome:
        print_failures(made.outcome, silent=silent)
    elif not silent:
        say("Nothing was measured: nothing that these results depend on has changed since.")
