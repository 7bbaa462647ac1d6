"""Search for networks, train the best in earnest, and write what was found."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from srbench.planning.suite import Suite, load_suite
from srbench.report.build import ReportFiles, build_report
from srbench.running.cache import cache_in_use
from srbench.running.events import Listener, Note, Writing, unheard
from srbench.running.runner import Outcome, run_plan
from srbench.running.session import open_session
from srbench.running.store import results_lock
from srbench.searching.found import findings_of, schedule_found, write_found
from srbench.searching.page import write_page
from srbench.searching.search import Searching
from srbench.searching.space import Space
from srbench.searching.study import Study

OTHERS_WORK = "Other processes are still trying networks; the last of them trains the best in earnest."


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What a search that ended has written."""

    folder: Path
    outcome: Outcome
    """How the training of the best went."""
    report: ReportFiles
    pages: tuple[Path, ...]
    """The files about the search itself."""


def run_search(
    suite: str | Path,
    *,
    data: Path | str | None = None,
    results: Path | None = None,
    trials: int | None = None,
    plugin_files: Iterable[Path | str] = (),
    strict_plugins: bool = False,
    weights_folders: Iterable[Path | str] = (),
    device: str = "cpu",
    threads: int = 0,
    executor: str = "here",
    workers: int = 1,
    listener: Listener = unheard,
    warn: Callable[[str], None] = warnings.warn,
) -> Searched | None:
    """Try networks of a suite's space, then train the best by the suite's recipe: what ``srbench search`` does.

    Args:
        suite: A suite with a table ``[search]``: the name of a shipped one, or the path of a TOML file.
        data: See `srbench.running.session.open_session`, as for all others that are not listed.
        results: Folder of the search; default: ``results/NAME`` of the suite.
        trials: Networks to train, instead of the suite's number.
        plugin_files: Single-file plugins.
        strict_plugins: Whether a broken plugin is an error.
        weights_folders: Folders with published checkpoints.
        device: Where to compute.
        threads: CPU threads for torch.
        executor: What runs the jobs.
        workers: Networks to train at once, where the executor can.
        listener: Receives the events.
        warn: Receives a sentence for each thing that is wrong and ends nothing.

    Returns:
        What was written; None if other processes still try networks of the same search, one of which will end it.

    Raises:
        SrbenchError: Something cannot be read, found or planned.
        StoreError: The cache or the folder cannot be written; what was finished stays.
    """
    loaded = _with_trials(load_suite(str(suite)), trials)
    session = open_session(
        data=data, plugin_files=plugin_files, strict_plugins=strict_plugins, weights_folders=weights_folders,
        device=device, threads=threads, executor=executor, warn=warn,
    )  # fmt: skip
    session = replace(session, images_kept=loaded.images_kept)
    space, folder = Space(loaded, session.catalog), results or Path("results") / loaded.name
    space.check()
    chosen = session.catalog.executors[executor]
    study = Study(space, session, folder)
    with cache_in_use(session.cache), study.working():
        Searching(space, study, session, folder, chosen, workers, listener).run()
        if study.leave():
            listener(Note(text=OTHERS_WORK))
            return None
        with results_lock(folder):
            tried = study.tried()
            schedule = schedule_found(write_found(space, tried, folder), session)
            outcome = run_plan(schedule, folder, chosen, workers, listener)
            listener(Writing(results=str(folder)))
            pages = write_page(findings_of(space, tried, schedule), folder)
            return Searched(folder=folder, outcome=outcome, report=build_report(folder), pages=tuple(pages))


def _with_trials(suite: Suite, trials: int | None) -> Suite:
    if trials is None or suite.search is None:
        return suite
    return suite.model_copy(update={"search": suite.search.model_copy(update={"trials": trials})})
