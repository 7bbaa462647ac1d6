"""Executors on this machine: the current process, or a pool of processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing.synchronize import Event
from threading import Thread
from typing import ParamSpec, TypeVar

import srbench

P = ParamSpec("P")
T = TypeVar("T")

GRACE_SECONDS = 20.0
"""Time for a training to finish its step and save a checkpoint."""
WATCH_SECONDS = 0.5
"""How often a worker looks whether its parent is alive."""


class Here(Executor):
    """Runs each job when it is submitted, in the calling thread; its future is done when `submit` returns."""

    def __init__(self) -> None:
        self._open = True

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` now. Exceptions are kept in the future, except for interrupts, which also end the caller."""
        if not self._open:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is raised when the result is read
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Refuse further jobs; there are never pending ones."""
        self._open = False


class Processes(ProcessPoolExecutor):
    """A pool of spawned processes; forked ones would share torch's thread pools and any GPU context.

    A shutdown that cancels pending jobs also ends those that run, since a person who stopped this process, with
    ``kill -INT`` or a time limit, may have stopped it alone. A running training saves a checkpoint first.
    """

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._stopped = context.Event()
        super().__init__(workers, context, initializer=end_with_pool, initargs=(self._stopped,))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse further jobs, and end running ones too if pending ones are cancelled."""
        if cancel_futures:
            self._stopped.set()
        super().shutdown(wait, cancel_futures=cancel_futures)


def processes(workers: int) -> Processes:
    """Make a pool of processes on this machine."""
    os.environ["PYTHONSAFEPATH"] = "1"  # else a worker imports modules of the standard library from the current folder
    return Processes(workers)


def end_with_pool(stopped: Event) -> None:
    """End this worker when its pool is stopped or its parent process dies.

    Otherwise it would finish its job, and after the death of its parent wait forever. A running training gets a signal
    to save a checkpoint.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("end_with_pool works only in processes that multiprocessing started")

    def watch() -> None:
        while parent.is_alive() and not stopped.wait(WATCH_SECONDS):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def here(workers: int) -> Here:  # noqa: ARG001 - one process has one worker
    """Make an executor in the calling process."""
    return Here()


@srbench.hookimpl
def register_executors() -> list[srbench.ExecutorSpec]:
    """Provide the current process and a pool of processes."""
    return [
        srbench.ExecutorSpec(name="here", label="this process", make=here),
        srbench.ExecutorSpec(name="processes", label="processes on this machine", make=processes, isolated=True),
    ]
