"""Executors on this machine: the current process, or a pool of processes."""

from __future__ import annotations

import atexit
import faulthandler
import multiprocessing
import os
import pickle
import platform
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, Pipe, wait
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, ParamSpec, TypeVar

import srbench

P = ParamSpec("P")
T = TypeVar("T")

GRACE_SECONDS = 20.0
"""Time for a training to finish its step and save a checkpoint."""
WATCH_SECONDS = 0.5
"""How often a worker looks whether its parent is alive, and its parent whether a stopped worker has ended."""
LOG_LINES = 5
"""How many of the last lines that a worker wrote, or the first about a crash, are in the error about its death."""


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


class Processes(Executor):
    """Workers in processes of their own, of which each may die without harm to the others, as in no pool of Python's.

    The processes are spawned; forked ones would share torch's thread pools and any GPU context. A worker starts with
    its first job, and again with the first one after its death. Worker i sees GPU i alone if jobs need one, or the
    i-th group of as many as they need.

    A shutdown that cancels pending jobs also ends those that run, since a person who stopped this process, with
    ``kill -INT`` or a time limit, may have stopped it alone. A running training saves a checkpoint first.
    """

    def __init__(self, workers: int, gpus: tuple[str, ...] = ()) -> None:
        """Take the number of workers, and what CUDA calls the GPUs, or groups of them, that they share in turns."""
        self._queue: SimpleQueue[tuple[Future[Any], bytes] | None] = SimpleQueue()
        self._lock, self._open = Lock(), True
        self._busy: dict[Future[Any], Worker] = {}
        self._stop_at = float("inf")
        self._threads = [
            Thread(target=self._serve, args=(number, gpus[number % len(gpus)] if gpus else None), daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()
        atexit.register(self.shutdown)  # else multiprocessing would wait at the end for workers that wait for jobs

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a job for the next worker that is free."""
        work = pickle.dumps(partial(fn, *args, **kwargs))
        future: Future[T] = Future()
        with self._lock:
            if not self._open:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._queue.put((future, work))
        return future

    def abandon(self, future: Future[Any]) -> None:
        """End the worker that does a job; the future then has a `srbench.WorkerError`."""
        with self._lock:
            if worker := self._busy.get(future):
                worker.process.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse further jobs, and end running ones too if pending ones are cancelled."""
        with self._lock:
            if cancel_futures:
                while not self._queue.empty():
                    if queued := self._queue.get():
                        queued[0].cancel()
                        queued[0].set_running_or_notify_cancel()  # who waits for it learns of it by this
                self._stop_at = min(self._stop_at, time.monotonic() + GRACE_SECONDS)
                for worker in self._busy.values():
                    worker.process.terminate()
            if self._open or cancel_futures:
                self._open = False
                for _ in self._threads:
                    self._queue.put(None)
        if wait:
            for thread in self._threads:
                thread.join()
            atexit.unregister(self.shutdown)

    def _serve(self, number: int, gpu: str | None) -> None:
        """Give jobs to one worker until the shutdown."""
        worker: Worker | None = None
        while queued := self._queue.get():
            future, work = queued
            if not future.set_running_or_notify_cancel():
                continue
            with self._lock:
                if self._stop_at < float("inf"):  # it left the queue as the others were cancelled
                    future.set_exception(srbench.WorkerError("the pool was stopped before a worker began the job"))
                    continue
                try:
                    worker = worker or Worker(number, gpu)
                except OSError as error:
                    future.set_exception(srbench.WorkerError(f"worker {number} could not be started: {error}"))
                    continue
                self._busy[future] = worker
            try:
                done, answer = worker.do(work, lambda: self._stop_at)
            except srbench.WorkerError as death:
                worker, done, answer = None, False, death
            except Exception as error:  # noqa: BLE001 - what cannot be unpickled; this thread must go on
                done, answer = False, error
            with self._lock:
                del self._busy[future]
            if done:
                future.set_result(answer)
            else:
                future.set_exception(answer)
        if worker:
            worker.end()


class Worker:
    """One process, which does one job after the other."""

    def __init__(self, number: int, gpu: str | None) -> None:
        """Start it; ``number`` counts from 0."""
        self.number, self._last_lines = number, deque[str](maxlen=LOG_LINES)
        self._crashed = False
        """Whether the lines are where it crashed, as faulthandler writes it: the innermost calls first."""
        context = multiprocessing.get_context("spawn")
        self._jobs, jobs = context.Pipe()
        errors, written = Pipe(duplex=False)
        self.process = context.Process(target=work, args=(jobs, written, gpu))
        self.process.start()
        jobs.close()
        written.close()
        self._errors = Thread(target=self._pass_on, args=(errors,), daemon=True)
        self._errors.start()

    def do(self, job: bytes, stop_at: Callable[[], float]) -> tuple[bool, Any]:
        """Do a pickled job, and return whether it succeeded, with its result or exception.

        Args:
            job: A callable without arguments.
            stop_at: Returns when the process is to be killed, by the monotonic clock.

        Raises:
            WorkerError: The process died.
        """
        with suppress(OSError, EOFError):
            self._jobs.send_bytes(job)
            while not wait([self._jobs, self.process.sentinel], WATCH_SECONDS):
                if time.monotonic() > stop_at():
                    self.process.kill()
            if self._jobs.poll():
                done, answer, trace = pickle.loads(self._jobs.recv_bytes())  # noqa: S301 - of our own worker
                if not done:
                    answer.add_note(f"Traceback of the worker: {trace}")
                return done, answer
        self.process.join()
        raise srbench.WorkerError(self._death())

    def end(self) -> None:
        """Let the process end, and wait for it."""
        self._jobs.close()
        self.process.join(GRACE_SECONDS)
        self.process.kill()
        self.process.join()

    def _death(self) -> str:
        self._errors.join(WATCH_SECONDS)  # the last lines may still be on their way
        code = self.process.exitcode or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        if code == -signal.SIGKILL:
            how += ", which is also what a machine that runs out of memory does"
        log = " | ".join(self._last_lines)
        what = "it crashed in" if self._crashed else "the last lines of its log are"
        said = f"{what}: {log}" if log else "it wrote nothing to its log"
        return f"worker {self.number} (process {self.process.pid} on {platform.node()}) {how}; {said}"

    def _pass_on(self, errors: Connection) -> None:
        """Pass on what the worker writes to standard error, line by line."""
        with errors, open(errors.fileno(), errors="replace", closefd=False) as lines:
            for line in lines:
                if line.startswith("Current thread "):
                    self._last_lines.clear()
                    self._crashed = True
                elif not self._crashed or len(self._last_lines) < LOG_LINES:
                    self._last_lines.append(line.strip())
                sys.stderr.write(line)


def work(jobs: Connection, errors: Connection, gpu: str | None) -> None:
    """Do the jobs that come, until no more can come or the parent process dies.

    Args:
        jobs: Gives pickled callables, and takes whether each succeeded, its result or exception, and a traceback.
        errors: Takes what is written to standard error, by C libraries too.
        gpu: What CUDA calls the only GPU, or GPUs, to use; None leaves all in sight.
    """
    if os.name == "posix":
        os.dup2(errors.fileno(), 2)
        faulthandler.enable()  # the log of a worker that crashes says where
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # CUDA reads it when it is first used
    Thread(target=end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            answer: tuple[bool, Any, str]
            job = jobs.recv_bytes()
            try:
                answer = True, pickle.loads(job)(), ""  # noqa: S301 - of our own parent
            except BaseException as error:  # noqa: BLE001 - an interrupt too is for the caller
                answer = False, error, traceback.format_exc()
            jobs.send_bytes(_pickled(answer))


def _pickled(answer: tuple[bool, Any, str]) -> bytes:
    try:
        text = pickle.dumps(answer)
        pickle.loads(text)  # noqa: S301 - an exception may be picklable, and yet not come back
    except Exception as error:  # noqa: BLE001 - a class of a plugin may raise anything
        done, value, trace = answer
        what = "result" if done else f"exception, {type(value).__name__}: {value},"
        return pickle.dumps((False, RuntimeError(f"The job's {what} cannot be pickled: {error}"), trace))
    return text


def end_with_parent() -> None:
    """End this worker when its parent process dies.

    Otherwise it would finish its job. A running training gets a signal to save a checkpoint.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("end_with_parent works only in processes that multiprocessing started")
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def here(workers: int, needs: srbench.Needs) -> Here:  # noqa: ARG001 - one process has one worker
    """Make an executor in the calling process."""
    return Here()


def processes(workers: int, needs: srbench.Needs) -> Processes:
    """Make a pool of processes on this machine, which share its GPUs if their jobs need one."""
    os.environ["PYTHONSAFEPATH"] = "1"  # else a worker imports modules of the standard library from the current folder
    return Processes(workers, gpu_groups(visible_gpus(), needs.gpus))


def gpu_groups(gpus: Sequence[str], size: int) -> tuple[str, ...]:
    """Return the GPUs that one worker uses together, as CUDA_VISIBLE_DEVICES has them, for each worker.

    No groups leave all in sight: for jobs that need none, and where there are fewer than one job needs, which says so.
    """
    return tuple(",".join(gpus[n : n + size]) for n in range(0, len(gpus) - size + 1, size)) if size else ()


def visible_gpus() -> tuple[str, ...]:
    """Return what CUDA calls the GPUs that this process may use: numbers, or ids as in CUDA_VISIBLE_DEVICES."""
    import torch

    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    return tuple(given.split(",")) if given else tuple(map(str, range(torch.cuda.device_count())))


@srbench.hookimpl
def register_executors() -> list[srbench.ExecutorSpec]:
    """Provide the current process and a pool of processes."""
    return [
        srbench.ExecutorSpec(name="here", label="this process", make=here),
        srbench.ExecutorSpec(name="processes", label="processes on this machine", make=processes, isolated=True),
    ]
