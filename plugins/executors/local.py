"""Executors on this machine: in this process, or in processes of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from threading import Thread
from typing import ParamSpec, TypeVar

import srbench

P = ParamSpec("P")
T = TypeVar("T")

GRACE = 20.0
"""Seconds for the step under way and its checkpoint."""


class Here(Executor):
    """Runs each job when it is submitted, in the calling thread; its future is done when `submit` returns."""

    def __init__(self) -> None:
        self._open = True

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` now. An exception is kept in the future, save an interrupt, which ends the caller too."""
        if not self._open:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever asks for the result meets it there
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Take no more jobs; none is ever pending."""
        self._open = False


def processes(workers: int) -> ProcessPoolExecutor:
    """Worker processes that start from nothing: a forked one would share torch's thread pools and any GPU context."""
    return ProcessPoolExecutor(
        max_workers=workers, mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent
    )


def end_with_parent() -> None:
    """See to it that this worker does not outlive who started it, who may be killed without a word.

    It would go on with what it had been handed, and then wait for ever. A training under way is asked to save itself.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("this is for processes that multiprocessing started")

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def here(workers: int) -> Here:  # noqa: ARG001 - one process has one worker
    """The calling process."""
    return Here()


@srbench.hookimpl
def register_executors() -> list[srbench.ExecutorSpec]:
    """In this process, and in a pool of processes."""
    return [
        srbench.ExecutorSpec(name="here", label="this process", make=here),
        srbench.ExecutorSpec(name="processes", label="processes on this machine", make=processes, isolated=True),
    ]
