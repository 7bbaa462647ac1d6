"""Train and measure all models of a suite."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from srbench.benchmarking.results import Results
from srbench.benchmarking.schedules import lay_out, require_some_cell
from srbench.catalog.executors import ExecutorSpec
from srbench.files import cache_root
from srbench.planning.overrides import RunKeywords, RunOptions
from srbench.profiling.other_work import warning_of_load
from srbench.report.reading import read_packed
from srbench.running.cache import cache_in_use
from srbench.running.events import Done, Listener, Note, Planned, Writing, unheard
from srbench.running.freshness import note_finished, still_finished
from srbench.running.run_files import RunFiles
from srbench.running.schedule import Schedule
from srbench.running.session import open_session
from srbench.running.store import results_lock

if TYPE_CHECKING:
    from srbench.running.runner import Outcome


def run(
    suite: str | Path = "quick",
    *,
    data: Path | str | None = None,
    results: Path | str = Path("results"),
    plugin_files: Iterable[Path | str] = (),
    strict_plugins: bool = False,
    weights_folders: Iterable[Path | str] = (),
    device: str = "cpu",
    threads: int = 0,
    devices: int = 1,
    nodes: int = 1,
    executor: str = "here",
    workers: int = 1,
    track: Iterable[str] = (),
    track_folder: Path | str | None = None,
    fresh: bool = False,
    skip_unchanged: bool = True,
    listener: Listener = unheard,
    warn: Callable[[str], None] = warnings.warn,
    **options: Unpack[RunKeywords],
) -> Results:
    """Train and measure all models of a suite, and write leaderboards: what ``srbench run`` does.

    ``srbench.run("quick", architectures=["espcn", "fsrcnn"], scales=2)`` measures two networks. Finished work is taken
    from the cache, and a run that was stopped continues where it was.

    Args:
        suite: A shipped suite's name, or the path of a TOML file.
        data: Folder with the datasets; default: that of the environment variable SRBENCH_DATA.
        results: Folder for leaderboards and records.
        plugin_files: Single-file plugins to load beside those that are installed.
        strict_plugins: Whether a broken plugin is an error.
        weights_folders: Folders with published checkpoints; default: those of SRBENCH_WEIGHTS.
        device: "cpu", "cuda", "cuda:1", "mps", or "auto".
        threads: CPU threads for torch; 0 leaves the choice to torch.
        devices: Processes that do one training together, each on a GPU of its own, or all on the CPU; a script starts
            below ``if __name__ == "__main__":`` then.
        nodes: Machines that have these processes, in equal parts; the executor must be able to give a job several.
        executor: What runs the jobs. A script that uses "processes" starts below ``if __name__ == "__main__":``, since
            each process imports it.
        workers: Jobs at once, where the executor can.
        track: Experiment trackers that get the curves of trainings: "tensorboard", "trackio", "wandb", "mlflow" and all
            others of accelerate.
        track_folder: Where these write; each one's own default if absent.
        fresh: Whether to train and measure again what is cached.
        skip_unchanged: Whether nothing is done, and no event sent, if the last run had the same arguments and no file
            that its results depend on has changed since.
        listener: Receives the events of the run, in order; see `srbench.running.events`.
        warn: Receives a sentence for each thing that is wrong and ends nothing, such as a broken plugin.
        **options: What to keep of the suite, and values that replace its own: ``only``, ``scales``, ``datasets``,
            ``degradations``, ``seeds``, ``limit``, ``architectures``, ``distillers``, ``teacher``, ``metrics``,
            ``recipe``, ``tile``, ``self_ensemble``, ``chop``, ``resize``, ``precision``, ``weights``, ``profile``.

    Returns:
        The results; ``failed`` in them says which cells could not be measured, and why.

    Raises:
        SrbenchError: Something cannot be read, found or planned, or every cell is impossible. Nothing was run.
        StoreError: The cache or the results cannot be written; what was finished stays.
    """
    begun, folder = time.monotonic(), Path(results)
    chosen, plugins, weights = RunOptions.of(**options), tuple(plugin_files), tuple(weights_folders)
    trackers = tuple(track)
    question = {
        "suite": suite, "options": chosen.keywords, "data": data, "plugins": plugins, "strict": strict_plugins,
        "weights": weights, "device": device, "threads": threads, "executor": executor, "workers": workers,
        "track": trackers, "track_folder": track_folder, "devices": devices, "nodes": nodes,
    }  # fmt: skip
    if skip_unchanged and not fresh and still_finished(folder, question):
        return Results(folder)
    with cache_in_use(cache_root()):
        session = open_session(
            data=data, plugin_files=plugins, strict_plugins=strict_plugins, weights_folders=weights, device=device,
            threads=threads, devices=devices, nodes=nodes, executor=executor, track=trackers, track_folder=track_folder,
            warn=warn,
        )  # fmt: skip
        schedule = lay_out(suite, chosen, session, warn)
        require_some_cell(schedule)
        chosen_executor = session.catalog.executors[executor]
        following = RunFiles(folder).following(executor, workers, session.command, listener)
        with results_lock(folder), following as hear:
            read_packed(folder)  # a damaged file is better reported now than after hours
            outcome = carry_out(schedule, folder, chosen_executor, workers, hear, fresh=fresh)
            hear(Writing(results=str(folder)))
            made = Results(folder, outcome=outcome)
            made.report()
            if not outcome.failed:
                note_finished(folder, question, schedule)
            _send_done(outcome, folder, begun, hear)
    return made


def carry_out(
    schedule: Schedule, folder: Path, executor: ExecutorSpec, workers: int, listener: Listener, *, fresh: bool = False
) -> Outcome:
    """Do the open jobs of a schedule, and write a record for every cell; see `srbench.running.runner.run_plan`."""
    from srbench.running.runner import run_plan  # and torch, which a run without jobs does not need

    jobs = schedule.open_jobs(fresh=fresh)
    seconds = schedule.estimator.elapsed((job.job for job in jobs), workers if executor.isolated else 1)
    listener(
        Planned(
            suite=schedule.plan.suite.name,
            cells=len(schedule.cells),
            impossible=sum(own.measure.reason is not None for own in schedule.cells.values()),
            jobs=len(jobs),
            estimated_seconds=round(seconds, 1),
        )
    )
    if jobs and (warning := warning_of_load(schedule.session.device)):
        listener(Note(text=warning))
    return run_plan(schedule, folder, executor, workers, listener, fresh=fresh)


def _send_done(outcome: Outcome, folder: Path, begun: float, listener: Listener) -> None:
    listener(
        Done(
            measured=outcome.measured,
            cached=outcome.cached,
            failed=len(outcome.failed),
            seconds=round(time.monotonic() - begun, 1),
            results=str(folder),
        )
    )
