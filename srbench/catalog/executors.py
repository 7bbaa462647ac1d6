"""The spec of executors, and what jobs need of the machines on which these run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, ParamSpec, TypeVar

from srbench.errors import WorkerError, text_of
from srbench.naming import check_name

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a job needs of the machine that does it; jobs of one kind have the same needs."""

    kind: str = ""
    """The kind of its jobs, such as "train"; empty for those of several kinds."""
    nodes: int = 1
    """Machines that do one job together; GPUs, cores and memory are those of each."""
    gpus: int = 0
    cpus: int = 1
    memory_gib: float = 4.0
    hours: float = 1.0
    """How long one job may take."""
    silent_minutes: float = 60.0
    """How long a job may report no progress before it is taken from its worker."""

    @classmethod
    def most(cls, needs: Iterable[Needs]) -> Needs:
        """Return what is enough for each of ``needs``, of which there is at least one."""
        several = list(needs)
        kinds = {own.kind for own in several}
        return cls(
            kind=kinds.pop() if len(kinds) == 1 else "",
            nodes=max(own.nodes for own in several),
            gpus=max(own.gpus for own in several),
            cpus=max(own.cpus for own in several),
            memory_gib=max(own.memory_gib for own in several),
            hours=max(own.hours for own in several),
            silent_minutes=max(own.silent_minutes for own in several),
        )


@dataclass(frozen=True, slots=True)
class Node:
    """One of the machines that do a job together."""

    number: int = 0
    """Counts from 0; what machine 0 returns is the result of the job, and what it raises its error."""
    count: int = 1
    """How many there are."""
    address: str = ""
    """The name or IP address by which the others reach machine 0."""
    port: int = 0
    """A port of machine 0 that nothing else uses."""


ONLY_NODE = Node()
"""The machine of a job that needs no other."""


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """A job as an executor gets it: called in any process; it loads nothing of what it does."""

    call: Callable[..., T]
    needs: Needs

    def __call__(self, node: Node = ONLY_NODE) -> T:
        """Do the job, or the part of one machine in a job of several nodes."""
        return self.call() if node == ONLY_NODE else self.call(node)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSpec:
    """A place where jobs run."""

    name: str
    make: Callable[[int, Needs], Executor]
    """``make(workers, needs)`` returns a `concurrent.futures.Executor` for jobs that need no more than ``needs``.

    What is submitted is picklable, and has what it needs itself in its attribute ``needs``. The future of a job whose
    worker died raises a `BrokenExecutor`, such as `srbench.WorkerError`; the job is then submitted again, to a new
    executor where this one takes no more. An executor may have a method ``abandon(future)``, which ends the worker of
    a job that reports nothing any more.
    """
    label: str = ""
    isolated: bool = False
    """True if a job cannot share memory with the caller; its progress then comes by files in the cache."""
    nodes: bool = False
    """True if a job that needs several nodes is called as ``job(node)`` on each of them at the same time.

    Each call gets its `Node`. What that of machine 0 returns or raises is the job's; the others notice if it dies.
    """
    elsewhere: bool = False
    """True if jobs may run on other machines, which see the same cache, data and plugins under the same paths.

    Their devices are not looked for on this machine, and what is to be timed runs on this one.
    """

    def __post_init__(self) -> None:
        check_name("executor", self.name)


class AdaptedExecutor(Executor):
    """Another library's executor, whose errors for lost workers are `WorkerError` here.

    Args:
        inner: The executor.
        lost: The errors that jobs have whose worker died.
        close: Called after the shutdown: ends what ``inner`` was made from.
    """

    def __init__(
        self, inner: Executor, lost: tuple[type[BaseException], ...], close: Callable[[], object] = lambda: None
    ) -> None:
        self._inner, self._lost, self._close, self._lock = inner, lost, close, Lock()
        self._pending: dict[Future[Any], Future[Any]] = {}
        """The library's futures by those that were given out."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Submit a job."""
        future: Future[T] = Future()
        inner = self._inner.submit(fn, *args, **kwargs)
        future.set_running_or_notify_cancel()
        with self._lock:
            self._pending[future] = inner
        inner.add_done_callback(lambda ended: self._end(future, ended))
        return future

    def _end(self, future: Future[T], ended: Future[T]) -> None:
        """Give a future what the library's has; once, since a shutdown may have given it an end before."""
        with self._lock:
            if self._pending.pop(future, None) is None:
                return
        error = CancelledError() if ended.cancelled() else ended.exception()
        if isinstance(error, self._lost):
            error = WorkerError(f"{type(error).__name__}: {text_of(error)}")
        if error is None:
            future.set_result(ended.result())
        else:
            future.set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse further jobs; those that are cancelled have an end at once, though their workers may go on."""
        if cancel_futures:
            with self._lock:
                pending, self._pending = self._pending, {}
            for future, inner in pending.items():
                with suppress(NotImplementedError):  # Parsl's
                    inner.cancel()
                future.set_exception(CancelledError())
        self._inner.shutdown(wait and not cancel_futures)
        if wait:
            self._close()
