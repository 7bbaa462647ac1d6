"""Jobs on a Ray cluster: machines with several GPUs, and clouds that add and take machines.

https://docs.ray.io
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any, ParamSpec, TypeVar

import srbench

P = ParamSpec("P")
T = TypeVar("T")

ADDRESS_VARIABLE = "RAY_ADDRESS"
"""Ray's own: the cluster to connect to."""
GRACE_SECONDS = 20.0
"""Time for a training that is stopped to save a checkpoint."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits for a worker."""

    work: Any
    future: Future[Any]


class Ray(Executor):
    """Gives jobs to Ray, as many at once as there are workers, each with the GPUs and cores that it needs.

    Ray's futures are not those of `concurrent.futures`, and its errors have classes of their own.
    """

    def __init__(self, workers: int, needs: srbench.Needs) -> None:
        """Connect to the cluster of RAY_ADDRESS, or start one on this machine with room for the workers."""
        import ray
        from ray._private import worker as internals

        self._workers, self._lock, self._open = workers, RLock(), True
        self._queue: deque[Waiting] = deque()
        self._running: dict[Future[Any], Any] = {}
        """Ray's references by the futures."""
        self._connected = not ray.is_initialized()
        if self._connected:
            address = os.environ.get(ADDRESS_VARIABLE) or "local"
            size: dict[str, Any] = (
                {"num_cpus": workers * needs.cpus, "include_dashboard": False} if address == "local" else {}
            )
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **size)
            internals.print_to_stdstream = log_line

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Submit a job."""
        future: Future[T] = Future()
        with self._lock:
            if not self._open:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._queue.append(Waiting(partial(fn, *args, **kwargs) if args or kwargs else fn, future))
        self._advance()
        return future

    def abandon(self, future: Future[Any]) -> None:
        """Kill the worker of a job; the future then has a `srbench.WorkerError`."""
        import ray

        with self._lock:
            if (reference := self._running.get(future)) is not None:
                ray.cancel(reference, force=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse further jobs, and stop running ones too if pending ones are cancelled; trainings save a checkpoint."""
        import ray

        with self._lock:
            self._open = False
            running = dict(self._running)
            if cancel_futures:
                while self._queue:
                    future = self._queue.popleft().future
                    future.cancel()
                    future.set_running_or_notify_cancel()  # who waits for it learns of it by this
                for reference in running.values():
                    ray.cancel(reference, force=False)
                self._stop_at = time.monotonic() + GRACE_SECONDS
        if wait:
            self._wait()
            if self._connected:
                self._connected = False
                ray.shutdown()

    _stop_at: float | None = None

    def _wait(self) -> None:
        """Wait for all jobs; those that were stopped, and take too long to end, are killed."""
        while True:
            with self._lock:
                left = {waiting.future for waiting in self._queue} | self._running.keys()
            if not left:
                return
            wait(left, None if self._stop_at is None else 0.5)
            if self._stop_at is not None and time.monotonic() > self._stop_at:
                for future in left:
                    self.abandon(future)

    def _advance(self) -> None:
        """Give waiting jobs to Ray while there are workers."""
        import ray

        with self._lock:
            while self._queue and len(self._running) < self._workers:
                waiting = self._queue.popleft()
                if not waiting.future.set_running_or_notify_cancel():
                    continue
                needs = getattr(waiting.work, "needs", srbench.Needs())
                # A job is begun again by srbench, which counts and reports it, and not by Ray.
                task: Any = ray.remote(do).options(
                    num_cpus=needs.cpus, num_gpus=needs.gpus, max_retries=0, name=f"srbench {needs.kind}".strip()
                )
                try:
                    reference = task.remote(waiting.work, own_variables(), str(Path.cwd()))
                except Exception as error:  # noqa: BLE001 - of Ray, or a job that cannot be pickled
                    waiting.future.set_exception(error)
                    continue
                self._running[waiting.future] = reference
                reference.future().add_done_callback(partial(self._ended, waiting.future))

    def _ended(self, future: Future[Any], ended: Future[Any]) -> None:
        with self._lock:
            self._running.pop(future, None)
        error = ended.exception()
        if error is None:
            future.set_result(ended.result())
        else:
            future.set_exception(unwrapped(error))
        self._advance()


def log_line(data: Mapping[str, Any], *_: object, **__: object) -> None:
    """Log what Ray would print on standard output, where the events of a run may go: that a worker died."""
    logging.getLogger(__name__).info("%s", " ".join(map(str, data.get("lines", ()))))


def do(work: Callable[[], T], variables: Mapping[str, str], folder: str) -> T:
    """Do a job on any machine of the cluster, in the folder and with the variables of the run."""
    os.environ.update(variables)
    if Path(folder).is_dir():
        os.chdir(folder)
    return work()


def own_variables() -> dict[str, str]:
    """Return the environment variables of srbench, which Ray's workers do not have from a run."""
    return {name: value for name, value in os.environ.items() if name.startswith("SRBENCH_")}


def unwrapped(error: BaseException) -> BaseException:
    """Return what a job raised, with Ray's traceback as its cause; or what is known of a worker that died."""
    from ray.exceptions import RayError, RayTaskError

    if isinstance(error, RayTaskError):
        cause: BaseException = error.cause
        cause.__cause__ = RemoteTraceback(f"Traceback of the worker: {error}")
        return cause
    if isinstance(error, RayError):
        return srbench.WorkerError(f"Ray lost it, {type(error).__name__}: {' '.join(str(error).split())[:500]}")
    return error


class RemoteTraceback(Exception):  # noqa: N818 - not an error, but the text of one
    """The traceback of an exception in a worker, which is shown as the exception's cause."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def ray(workers: int, needs: srbench.Needs) -> Ray:
    """Make an executor on the cluster of RAY_ADDRESS, or on this machine.

    Raises:
        UnavailableError: Ray is not installed, or there is no cluster at the address.
    """
    try:
        import ray as library  # noqa: F401
    except ImportError:
        raise srbench.UnavailableError(
            "The executor ray needs Ray, which is not installed; run pip install 'srbench[ray]'."
        ) from None
    try:
        return Ray(workers, needs)
    except ConnectionError as error:
        raise srbench.UnavailableError(
            f"There is no Ray cluster at {os.environ.get(ADDRESS_VARIABLE)} ({' '.join(str(error).split())}); give its "
            f"address in {ADDRESS_VARIABLE}, or unset it to use this machine."
        ) from None


@srbench.hookimpl
def register_executors() -> list[srbench.ExecutorSpec]:
    """Provide the Ray cluster."""
    return [
        srbench.ExecutorSpec(name="ray", label="a Ray cluster, by RAY_ADDRESS", make=ray, isolated=True, elsewhere=True)
    ]
