"""An executor as a run sees it: made again when it breaks, and stopped as far as it can be."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from types import TracebackType
from typing import Self

from srbench.catalog.executors import ExecutorSpec, Needs, Work

Ended = concurrent.futures.Future[float]
"""Has the seconds of a job, or what it raised."""


class Pool:
    """The executor of some jobs."""

    def __init__(self, spec: ExecutorSpec, workers: int, needs: Needs) -> None:
        """Make an executor for jobs of these needs."""
        self.isolated = spec.isolated
        """Whether its jobs run in other processes."""
        self._make: Callable[[], concurrent.futures.Executor] = lambda: spec.make(workers, needs)
        self._executor = self._make()
        self.number = 1
        """Counts the executors that were made in turn."""
        self._waits = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._cancel()
        self._executor.shutdown(wait=self._waits)

    def submit(self, work: Work[float]) -> Ended:
        """Submit a job, to a new executor if this one is broken; what that raises is in the future."""
        try:
            try:
                return self._executor.submit(work)
            except concurrent.futures.BrokenExecutor:
                self._executor.shutdown(wait=False)
                self._executor, self.number = self._make(), self.number + 1
                return self._executor.submit(work)
        except Exception as error:  # noqa: BLE001 - of a scheduler that refuses the job, or of a library
            failed = Ended()
            failed.set_exception(error)
            return failed

    def abandon(self, future: Ended) -> bool:
        """End the worker of a job that is silent, where the executor can; its future then has a `BrokenExecutor`.

        Elsewhere the worker cannot be had back, and the end of the run does not wait for it.

        Returns:
            Whether the executor can.
        """
        abandon = getattr(self._executor, "abandon", None)
        if abandon is None:
            self._waits = False
            return False
        abandon(future)
        return True

    def _cancel(self) -> None:
        """Cancel what is pending; some executors, such as Dask's, have no word for it, and only refuse new jobs."""
        try:
            self._executor.shutdown(wait=False, cancel_futures=True)
        except TypeError:
            self._waits = False
