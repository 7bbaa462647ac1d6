"""``srbench search``: look for networks with high scores at low costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import warn
from srbench.cli.following import JsonFile, Quiet, following, is_silent, print_end, print_failures
from srbench.cli.options import Data, Device, PluginFiles, Strict, Threads, WeightsFolders


def search(
    suite: Annotated[str, typer.Argument(help="A suite with a table [search]: a shipped one's name, or a TOML file.")],
    *,
    data: Data = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", help="Folder of the search; default: results/NAME of the suite.", show_default=False),
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="Train so many networks instead of the suite's number.")
    ] = None,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    weights_dir: WeightsFolders = None,
    device: Device = "cpu",
    threads: Threads = 0,
    executor: Annotated[
        str, typer.Option("--executor", help="Executor that runs the jobs; see `srbench list executors`.")
    ] = "here",
    workers: Annotated[int, typer.Option("--workers", min=1, help="Networks to train at once, where it can.")] = 1,
    quiet: Quiet = False,
    json_log: JsonFile = None,
) -> None:
    """Search for networks, and train the best in earnest.

    The suite's table [search] names a family of networks, the values of its parameters and limits on costs. Networks
    are proposed, trained briefly and measured; those on the front of score against cost are then trained by the suite's
    recipe. The state is in the results folder: the same command goes on where a search was stopped, and several
    processes that are given one folder share the work.

    Examples:
      srbench search search-quick
      srbench search search-quick --trials 10 --results found
    """
    from srbench.searching.run_search import run_search

    with following(quiet=quiet, json_log=json_log) as listener:
        made = run_search(
            suite, data=data, results=results, trials=trials, plugin_files=plugin or (),
            strict_plugins=strict_plugins, weights_folders=weights_dir or (), device=device, threads=threads,
            executor=executor, workers=workers, listener=listener, warn=warn,
        )  # fmt: skip
    if made is not None:
        print_end(made.folder, lambda: made.report, quiet=quiet, json_log=json_log, more=made.pages)
        print_failures(made.outcome, silent=is_silent(quiet=quiet, json_log=json_log))
