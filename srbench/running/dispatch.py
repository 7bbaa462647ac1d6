"""Give jobs to a pool in the order of their dependencies, again where a worker died, and take back silent ones."""

from __future__ import annotations

import concurrent.futures
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from queue import Empty, SimpleQueue

from srbench.catalog.executors import Work
from srbench.errors import StoreError, WorkerError, reason_of, text_of
from srbench.records.stored import Stored
from srbench.running.estimate import in_words
from srbench.running.job_progress import JobProgress, JobsProgress
from srbench.running.pool import Ended, Pool
from srbench.running.schedule import Failure, ScheduledJob

ATTEMPTS = 3
"""How often a job is begun whose worker dies each time."""
BYSTANDER = 0.1
"""What a death counts for a job that had not begun; more than nothing, since its report may have been lost with it."""
LOOK_SECONDS = 5.0
"""How often silent jobs are looked for; there may be thousands."""
Working = Callable[[ScheduledJob[Stored], JobProgress], Work[float]]
"""Makes what is submitted for a job, from the progress that its worker reports."""


@dataclass(eq=False, slots=True)
class Attempt:
    """A job that an executor has, for the first time or again."""

    scheduled: ScheduledJob[Stored]
    shown: JobProgress
    work: Work[float]
    pool: int = 0
    """The number of the executor that has it, of those that were made in turn."""
    deaths: float = 0.0
    """How many workers died of it; see `BYSTANDER`."""
    silent: bool = False
    """Whether its worker was ended for reporting nothing."""

    def reason(self, error: concurrent.futures.BrokenExecutor) -> str:
        """Return why its worker was lost."""
        if self.silent:
            minutes = in_words(60 * self.work.needs.silent_minutes)
            return f"it reported nothing for {minutes}, so its worker was ended"
        return f"its worker died: {text_of(error) or 'its executor does not say why'}"


class Dispatch:
    """Jobs on their way through one pool."""

    def __init__(self, pool: Pool, progress: JobsProgress, working: Working) -> None:
        """Take the pool, who follows the jobs, and what makes a job into work."""
        self._pool, self._progress, self._working = pool, progress, working
        self._running: dict[Ended, Attempt] = {}
        self._over: SimpleQueue[Ended] = SimpleQueue()
        """Jobs that have ended: to ask each of thousands that run, again and again, would take hours."""
        self._blamed: set[int] = set()
        """The executors, by their numbers, of whose deaths a job is known to be the cause."""
        self._looked = -math.inf

    def run(self, batch: Sequence[ScheduledJob[Stored]]) -> Iterator[ScheduledJob[Stored]]:
        """Yield jobs as they end, well or not; failures are noted in them.

        Raises:
            StoreError: The cache cannot be written, so that every other job would fail too.
        """
        inside = set(batch)
        graph = TopologicalSorter(
            {scheduled: [parent for parent in scheduled.needs if parent in inside] for scheduled in batch}
        )
        graph.prepare()
        ready: deque[ScheduledJob[Stored]] = deque()
        while graph.is_active():
            ready += graph.get_ready()
            # An executor in this process is done with a job when it has taken it: what follows must not wait for the
            # whole queue.
            while ready and self._over.empty():
                scheduled = ready.popleft()
                if not self._begin(scheduled):
                    graph.done(scheduled)
                    yield scheduled
            for scheduled in self._ended() if self._running else ():
                graph.done(scheduled)
                yield scheduled

    def _begin(self, scheduled: ScheduledJob[Stored]) -> bool:
        """Submit a job, and return whether it can be done."""
        shown, sent = self._progress.next(scheduled.job.title, isolated=self._pool.isolated)
        if scheduled.name is None or scheduled.failure:
            shown.fail(scheduled.reason or "")
            return False
        attempt = Attempt(scheduled, shown, self._working(scheduled, sent))
        self._submit(attempt)
        return True

    def _submit(self, attempt: Attempt) -> None:
        future = self._pool.submit(attempt.work)
        self._running[future], attempt.pool = attempt, self._pool.number
        future.add_done_callback(self._over.put)

    def _ended(self) -> Iterator[ScheduledJob[Stored]]:
        """Wait for a while, and yield the jobs that have ended."""
        done = self._waited()
        self._progress.collect()
        deaths = {future: error for future in done if (error := _death(future))}
        share = {future: self._blame(self._running[future], error) for future, error in deaths.items()}
        for future in done:
            attempt = self._running.pop(future)
            if future not in deaths:
                yield self._finished(attempt, future)
                continue
            attempt.deaths += share[future]
            if attempt.deaths < ATTEMPTS:
                self._again(attempt, deaths[future])
            else:
                yield self._failed(attempt, f"{attempt.reason(deaths[future])}. It was begun {ATTEMPTS} times.")
        yield from self._silent()

    def _waited(self) -> list[Ended]:
        """Wait for a job to end, though not for ever; return it and all others that have."""
        done = []
        with suppress(Empty):
            done.append(self._over.get(timeout=self._progress.patience))
            while True:
                done.append(self._over.get_nowait())
        return [future for future in done if future in self._running]  # others were given up before

    def _blame(self, attempt: Attempt, error: concurrent.futures.BrokenExecutor) -> float:
        """Return how much of a death counts for a job that was lost in it, from 0 to 1.

        A pool that breaks as a whole takes all its jobs with it, and those that had not begun are not to blame.
        """
        if isinstance(error, WorkerError) or self._progress.has_begun(attempt.shown):
            self._blamed.add(attempt.pool)
            return 1.0
        beside = (other for other in self._running.values() if other.pool == attempt.pool)
        others = attempt.pool in self._blamed or any(self._progress.has_begun(other.shown) for other in beside)
        return BYSTANDER if others else 1.0

    def _again(self, attempt: Attempt, error: concurrent.futures.BrokenExecutor) -> None:
        attempt.shown.note(f"{attempt.scheduled.job.title} is begun again: {attempt.reason(error)}.")
        attempt.silent = False
        self._progress.forget(attempt.shown)
        self._submit(attempt)

    def _finished(self, attempt: Attempt, future: Ended) -> ScheduledJob[Stored]:
        try:
            attempt.shown.finish(future.result())
        except StoreError:
            raise  # the disk is full or cannot be written: every other job would fail too
        except Exception as error:  # noqa: BLE001 - a failed job is a reason in its cells; the others go on
            self._failed(attempt, reason_of(error))
        return attempt.scheduled

    def _failed(self, attempt: Attempt, reason: str) -> ScheduledJob[Stored]:
        attempt.scheduled.failed = Failure(attempt.scheduled.job, reason)
        attempt.shown.fail(reason)
        return attempt.scheduled

    def _silent(self) -> Iterator[ScheduledJob[Stored]]:
        """Take jobs that report nothing from their workers; yield those whose workers cannot be ended."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        for future, attempt in list(self._running.items()):
            limit = 60 * attempt.work.needs.silent_minutes
            if attempt.silent or self._progress.silent_seconds(attempt.shown) < limit:
                continue
            attempt.silent = True
            if not self._pool.abandon(future):
                del self._running[future]
                reason = f"it reported nothing for {in_words(limit)}, and its executor cannot end its worker"
                yield self._failed(attempt, reason)


def _death(future: Ended) -> concurrent.futures.BrokenExecutor | None:
    """Return the error of a job whose worker died; None if it ended otherwise."""
    error = None if future.cancelled() else future.exception()
    return error if isinstance(error, concurrent.futures.BrokenExecutor) else None
