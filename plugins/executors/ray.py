"""Jobs on a Ray cluster: machines with several GPUs, and clouds that add and take machines.

https://docs.ray.io
"""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import RLock, Thread
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
        address = os.environ.get(ADDRESS_VARIABLE) or "local"
        self._spread = "STRICT_PACK" if self._connected and address == "local" else "STRICT_SPREAD"
        """Where the nodes of a job are; without a cluster, all on this machine."""
        if self._connected:
            cpus = workers * needs.nodes * needs.cpus
            size: dict[str, Any] = {"num_cpus": cpus, "include_dashboard": False} if address == "local" else {}
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
                group = f"srbench-{uuid.uuid4().hex}" if needs.nodes > 1 else None
                words: tuple[Any, ...] = (waiting.work, own_variables(), str(Path.cwd()))
                # A job is begun again by srbench, which counts and reports it, and not by Ray.
                options = {"max_retries": 0, "name": f"srbench {needs.kind}".strip()}
                try:
                    if group is None:
                        task: Any = ray.remote(do).options(num_cpus=needs.cpus, num_gpus=needs.gpus, **options)
                    else:
                        task, words = (
                            ray.remote(do_on_nodes).options(num_cpus=0, **options),
                            (*words, needs, group, self._spread),
                        )
                    reference = task.remote(*words)
                except Exception as error:  # noqa: BLE001 - of Ray, or a job that cannot be pickled
                    waiting.future.set_exception(error)
                    continue
                self._running[waiting.future] = reference
                reference.future().add_done_callback(partial(self._ended, waiting.future, group))

    def _ended(self, future: Future[Any], group: str | None, ended: Future[Any]) -> None:
        if group is not None:  # even that of a job whose worker was killed; not here, where Ray waits for the callback
            Thread(target=give_back, args=(group,), daemon=True).start()
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


def do_on_nodes(
    work: Callable[..., T], variables: Mapping[str, str], folder: str, needs: srbench.Needs, group: str, spread: str
) -> T:
    """Do a job on several machines at once; this call only waits for them.

    Args:
        work: The job, which is called with its `srbench.Node`.
        variables: As in `do`.
        folder: As in `do`.
        needs: What it needs of each machine.
        group: What to call the machines as long as they belong to it.
        spread: Ray's strategy for placing them.

    Returns:
        What the first machine returns.
    """
    import ray
    from ray.util.placement_group import placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    bundle = {"CPU": float(needs.cpus), "GPU": float(needs.gpus)}
    machines = placement_group([bundle] * needs.nodes, strategy=spread, name=group)
    ray.get(machines.ready())

    def on(number: int, call: Callable[..., Any]) -> Any:  # noqa: ANN401 - a function of Ray's
        place = PlacementGroupSchedulingStrategy(machines, placement_group_bundle_index=number)
        return ray.remote(call).options(
            num_cpus=needs.cpus, num_gpus=needs.gpus, max_retries=0, scheduling_strategy=place
        )  # fmt: skip

    address, port = ray.get(on(0, free_place).remote())
    nodes = [srbench.Node(number, needs.nodes, address, port) for number in range(needs.nodes)]
    calls = [on(node.number, do).remote(partial(work, node), variables, folder) for node in nodes]
    try:
        first: T = ray.get(calls[0])
        return first
    finally:  # those that were stopped save a checkpoint
        ray.wait(calls, num_returns=len(calls), timeout=GRACE_SECONDS)


def free_place() -> tuple[str, int]:
    """Return the address of this machine in the cluster, and a port that is free."""
    import ray

    with socket.socket() as free:
        free.bind(("", 0))
        port: int = free.getsockname()[1]
    return str(ray.util.get_node_ip_address()), port  # type: ignore[no-untyped-call]


def give_back(group: str) -> None:
    """Let other jobs have the machines of a job, and end what still runs on them."""
    from ray.util.placement_group import get_placement_group, remove_placement_group

    with suppress(ValueError):  # it never had them
        remove_placement_group(get_placement_group(group))


def own_variables() -> dict[str, str]:
    """Return the environment variables of srbench, which Ray's workers do not have from a run."""
    return {name: value for name, value in os.environ.items() if name.startswith("SRBENCH_")}


def unwrapped(error: BaseException) -> BaseException:
    """Return what a job raised, with Ray's traceback as a note; or what is known of a worker that died."""
    from ray.exceptions import RayError, RayTaskError

    if isinstance(error, RayTaskError):
        cause: BaseException = error.cause
        if isinstance(cause, RayError):  # of one of several machines
            return unwrapped(cause)
        cause.add_note(f"Traceback of the worker: {error}")
        return cause
    if isinstance(error, RayError):
        return srbench.WorkerError(f"Ray lost it, {type(error).__name__}: {' '.join(str(error).split())[:500]}")
    return error


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
        srbench.ExecutorSpec(
            name="ray", label="a Ray cluster, by RAY_ADDRESS", make=ray, isolated=True, nodes=True, elsewhere=True
        )
    ]
