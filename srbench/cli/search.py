"""``srbench search``: look for networks with high scores at low costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import complain, plain_console, say, warn
from srbench.cli.following import JsonFile, Quiet, following, is_silent
from srbench.cli.options import (
    Data,
    Device,
    PluginFiles,
    Strict,
    Threads,
    WeightsFolders,
)
from srbench.escaping import one_line
from srbench.running.places import data_root, resolve_device


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
    from srbench.files import cache_root
    from srbench.planning.suite import load_suite
    from srbench.report.build import build_report
    from srbench.report.terminal import print_leaderboard
    from srbench.running.cache import cache_in_use
    from srbench.running.events import Note, Writing
    from srbench.running.runner import run_plan
    from srbench.running.session import Session
    from srbench.running.store import results_lock
    from srbench.searching.found import findings_of, schedule_found, write_found
    from srbench.searching.page import write_page
    from srbench.searching.search import Searching
    from srbench.searching.space import Space
    from srbench.searching.study import Study

    loaded = load_suite(suite)
    if trials is not None and loaded.search is not None:
        loaded = loaded.model_copy(update={"search": loaded.search.model_copy(update={"trials": trials})})
    session = Session(
        plugin_files=tuple(path.resolve() for path in plugin or ()),
        strict_plugins=strict_plugins,
        data_root=data_root(data),
        weights_folders=tuple(weights_dir or ()),
        cache=cache_root(),
        device=resolve_device(device),
        threads=threads,
        images_kept=loaded.images_kept,
    )
    for broken in session.catalog.broken:
        warn(str(broken.error))
    space, folder, console = Space(loaded, session.catalog), results or Path("results") / loaded.name, plain_console()
    space.check()
    chosen = session.catalog.executors[executor]
    study = Study(space, session, folder)
    silent = is_silent(quiet=quiet, json_log=json_log)
    with cache_in_use(session.cache), study.working(), following(quiet=quiet, json_log=json_log) as listener:
        Searching(space, study, session, folder, chosen, workers, listener).run()
        if study.leave():
            listener(
                Note(text="Other processes are still trying networks; the last of them trains the best in earnest.")
            )
            return
        with results_lock(folder):
            tried = study.tried()
            schedule = schedule_found(write_found(space, tried, folder), session)
            outcome = run_plan(schedule, folder, chosen, workers, listener)
            listener(Writing(results=str(folder)))
            files = write_page(findings_of(space, tried, schedule), folder)
            if silent:
                build_report(folder)
    if not silent:
        print_leaderboard(console, folder)
        for path in files:
            console.print(str(path))
    elif json_log != "-":
        say(f"Results: {folder}")
    if outcome.failed:
        for title, reason in outcome.failed:
            console.print(f"failed {one_line(title)}: {one_line(reason)}")
        complain(f"{len(outcome.failed)} of {len(schedule.cells)} cells failed, for the reasons above.")
        raise typer.Exit(1)
