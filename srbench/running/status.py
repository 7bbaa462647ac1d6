"""How a run is going, read from the files in its results folder by any process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import Timeout

from srbench.errors import UsageError
from srbench.files import locked
from srbench.running.run_files import RunFiles, Runner, no_run
from srbench.running.store import RESULTS_LOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """A job that a worker does now."""

    job: str
    """Its title."""
    worker: str
    """The worker's machine and process; empty if that is not known."""
    done: int
    """Steps of a training, or images of a measurement, that are done."""
    of: int
    """How many there are; 0 if that is not known."""
    seconds_left: float | None
    """About how long the rest takes; null if that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJob:
    """A job that failed."""

    job: str
    """Its title."""
    reason: str
    """The reason, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """How a run is going, or how it ended."""

    results: str
    """Its folder."""
    state: Literal["running", "done", "stopped"]
    """Whether it runs, wrote its tables, or ended before: it was stopped, killed, or failed as a whole."""
    suite: str
    """The suite; empty for a run that has not begun its jobs."""
    host: str
    """The machine of the process that gives out the jobs."""
    pid: int
    """That process."""
    executor: str
    """What runs the jobs."""
    workers: int
    """Jobs at once."""
    begun: str
    """When it began: UTC, ISO 8601."""
    last_event: str
    """When something was last heard of it; empty if nothing was."""
    cells: int
    """Cells of the plan."""
    jobs: int
    """Jobs to do."""
    finished: int
    """Those of them that are done."""
    running: tuple[RunningJob, ...]
    """What is being done, and where."""
    failed: tuple[FailedJob, ...]
    """Jobs that failed."""
    begun_again: tuple[str, ...]
    """A sentence for each worker that was lost."""


def read_status(results: Path) -> RunStatus:
    """Return how the run of a results folder is going.

    Raises:
        SrbenchError: There is none.
    """
    files = RunFiles(results)
    runner = files.runner()
    if runner is None:
        raise no_run(results)
    found = _Events()
    for event in _events(files.events):
        found.take(event)
    state: Literal["running", "done", "stopped"] = "stopped"
    if _is_held(results):
        state = "running"
    elif found.is_done:
        state = "done"
    return found.status(results, state, runner)


def stop_run(results: Path) -> RunStatus:
    """Ask the run of a results folder to stop, and return how it was going.

    Raises:
        UsageError: It does not run.
        SrbenchError: There is none.
    """
    status = read_status(results)
    if status.state != "running":
        raise UsageError(
            f"The run in {results} does not run any more: it is {status.state}. Nothing is to be cancelled."
        )
    RunFiles(results).ask_to_stop()
    return status


class _Events:
    """What is known of a run after its events so far."""

    def __init__(self) -> None:
        self.is_done, self._last = False, ""
        self._planned: Mapping[str, Any] = {}
        self._jobs = self._finished = 0
        self._running: dict[int, dict[str, Any]] = {}
        self._failed: dict[int, FailedJob] = {}
        self._notes: list[str] = []

    def take(self, event: Mapping[str, Any]) -> None:
        """Take the next event."""
        name, number = event["event"], event.get("number", 0)
        self._last = event["time"]
        self._jobs = max(self._jobs, event.get("jobs", 0))
        match name:
            case "planned":
                self._planned = event
            case "started" | "training" | "measuring":
                self._running[number] = self._running.get(number, {}) | dict(event)
            case "finished" | "failed":
                self._running.pop(number, None)
                self._finished += name == "finished"
                if name == "failed":
                    self._failed[number] = FailedJob(job=event["job"], reason=event["reason"])
            case "note":
                self._notes += [event["text"]] if " is begun again: " in event["text"] else []
            case "done":
                self.is_done = True

    def status(self, results: Path, state: Literal["running", "done", "stopped"], runner: Runner) -> RunStatus:
        """Return them as facts."""
        running = [_running(facts) for _, facts in sorted(self._running.items())]
        return RunStatus(
            results=str(results),
            state=state,
            suite=self._planned.get("suite", ""),
            host=runner.host,
            pid=runner.pid,
            executor=runner.executor,
            workers=runner.workers,
            begun=runner.begun,
            last_event=self._last,
            cells=self._planned.get("cells", 0),
            jobs=self._jobs,
            finished=self._finished,
            running=tuple(running) if state == "running" else (),
            failed=tuple(self._failed.values()),
            begun_again=tuple(self._notes),
        )


def _running(facts: Mapping[str, Any]) -> RunningJob:
    return RunningJob(
        job=facts["job"],
        worker=facts.get("worker", ""),
        done=facts.get("step", facts.get("image", 0)),
        of=facts.get("steps", facts.get("images", 0)),
        seconds_left=facts.get("seconds_left"),
    )


def _events(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the events of a log; the last line may be under way."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and {"event", "time"} <= event.keys():
            yield event


def _is_held(results: Path) -> bool:
    """Whether a run holds a results folder, on any machine."""
    try:
        with locked(results / RESULTS_LOCK, timeout=0):
            return False
    except Timeout:
        return True


def age_of(moment: str) -> float:
    """Return how many seconds ago a moment was, which is UTC in ISO 8601."""
    return max((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds(), 0.0)
