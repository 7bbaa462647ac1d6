"""Jobs on a Slurm cluster, through submitit: an array for each kind of job, which goes on after preemption.

https://github.com/facebookincubator/submitit
"""

from __future__ import annotations

import itertools
import math
import os
import signal
import sys
import time
import tomllib
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread, current_thread, main_thread
from types import FrameType
from typing import Any, Literal, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import srbench

P = ParamSpec("P")
T = TypeVar("T")

SETTINGS_VARIABLE = "SRBENCH_SLURM"
LOG_VARIABLE = "SRBENCH_LOG"
"""Names the log of a worker, for the records of its jobs."""
LOG_LINES = 5
"""How many of the last lines of a log are in the error about a lost job."""
GATHER_SECONDS = 0.5
"""Jobs that are submitted within this time become one array."""
FORCED_SECONDS = 60.0
"""How often Slurm is asked at least whether jobs that have no result still run."""


class Partition(BaseModel):
    """Where jobs go, as ``sbatch`` has it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None


class Settings(Partition):
    """The file ``slurm.toml``."""

    cluster: Literal["slurm", "local", "debug"] = "slurm"
    """"local" runs the same code in processes of this machine, also for nodes; "debug" in this process; no Slurm."""
    folder: Path = Field(default=Path("slurm"), strict=False)
    """Where jobs and their logs are; all machines see it."""
    setup: list[str] = []
    """Commands before each job: ``module load cuda``."""
    time_limits: int = Field(default=10, ge=0)
    """How often a job may run into its time limit; it then goes on where it was."""
    poll_seconds: float = Field(default=2.0, gt=0, strict=False)
    """How often results are looked for."""
    kinds: dict[str, Partition] = {}
    """What differs for one kind of job: ``[kinds.train]``."""

    def parameters(self, needs: srbench.Needs, workers: int) -> dict[str, Any]:
        """Return the parameters of submitit for jobs of these needs."""
        found: dict[str, Any] = {
            "name": f"srbench_{needs.kind}",
            "timeout_min": math.ceil(60 * needs.hours),
            "mem_gb": needs.memory_gib,
            "cpus_per_task": needs.cpus,
            "slurm_array_parallelism": workers,
            "slurm_additional_parameters": {"requeue": True},
        }
        if needs.gpus:
            found["gpus_per_node"] = needs.gpus
        if needs.nodes > 1 and self.cluster == "slurm":  # a lost machine ends the job, which is then begun again
            found |= {"nodes": needs.nodes, "tasks_per_node": 1, "slurm_srun_args": ["--kill-on-bad-exit=1"]}
        elif needs.nodes > 1:
            found["tasks_per_node"] = needs.nodes
        if self.setup:
            found["slurm_setup"] = self.setup
        own = self.kinds.get(needs.kind, Partition())
        for name in Partition.model_fields:
            if value := getattr(own, name) or getattr(self, name):
                found[f"slurm_{name}"] = value
        return found


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the file that SRBENCH_SLURM names, or ``slurm.toml`` where you are; without one, the cluster decides.

    Raises:
        SrbenchError: It cannot be read or understood.
    """
    path = Path(environ.get(SETTINGS_VARIABLE) or "slurm.toml")
    if not path.is_file() and SETTINGS_VARIABLE not in environ:
        return Settings()
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise srbench.SrbenchError(
            f"{path} cannot be read ({error}); give a TOML file, or unset {SETTINGS_VARIABLE}."
        ) from None
    except ValidationError as error:
        fault = error.errors()[0]
        key, known = ".".join(map(str, fault["loc"])), ", ".join(Settings.model_fields)
        raise srbench.SrbenchError(f"{path}: {key}: {fault['msg'].lower()}. The keys are {known}.") from None


class Stopped(KeyboardInterrupt):
    """A signal that ends a job which cannot save its work."""


class Job:
    """A job as submitit runs it; it is picklable, and its own checkpoint, since a training resumes from its folder."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self._work = work

    def __call__(self) -> tuple[bool, Any, str]:
        """Do it; return whether it succeeded, its result or exception, and a traceback.

        Before a time limit, Slurm sends SIGUSR2, and at a preemption SIGTERM. On either a training saves a checkpoint.
        After the first one the job is put into the queue again here; after the second one Slurm does that itself.
        Of several machines the first one decides, so the others end as if all were well: a failure would end it too.
        """
        import submitit

        place = submitit.JobEnvironment()
        os.environ[LOG_VARIABLE] = str(place.paths.stderr)
        number = place._usr_sig()
        requeue, asked = signal.getsignal(number), []

        def save(_: int, __: FrameType | None) -> None:
            asked.append(number)
            os.kill(os.getpid(), signal.SIGTERM)

        def stop(_: int, __: FrameType | None) -> None:
            raise Stopped

        if current_thread() is main_thread():  # it is another one with cluster = "debug"
            signal.signal(number, save)
            signal.signal(signal.SIGTERM, stop)
        try:
            return True, self._work() if place.num_tasks == 1 else self._work(_node()), ""
        except KeyboardInterrupt:
            if place.global_rank:
                sys.exit()
            if asked and callable(requeue):
                requeue(number, None)  # it ends the process
            sys.exit(128 + signal.SIGTERM)
        except Exception as error:  # noqa: BLE001 - it is raised where the result is read
            return False, error, traceback.format_exc()

    def checkpoint(self) -> Any:  # noqa: ANN401 - submitit has no types
        """Return what is run after a time limit: the same again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _node() -> srbench.Node:
    """Return which of the machines of its job this one is."""
    from submitit.helpers import TorchDistributedEnvironment

    found = TorchDistributedEnvironment()
    return srbench.Node(found.rank, found.world_size, found.master_addr, found.master_port)


@dataclass(slots=True)
class Waiting:
    """A job that was submitted to this executor, and not yet to the cluster."""

    work: Any
    future: Future[Any]

    @property
    def needs(self) -> srbench.Needs:
        """What it needs."""
        found: srbench.Needs | None = getattr(self.work, "needs", None)
        return found or srbench.Needs()


class Slurm(Executor):
    """Submits jobs of the same needs as one array, and looks for their results."""

    def __init__(self, workers: int, settings: Settings) -> None:
        """Take how many jobs of an array may run at once."""
        self._workers, self._settings = workers, settings
        self._folder = (settings.folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{next(_NUMBERS)}").absolute()
        self._lock, self._stop = Lock(), Event()
        self._waiting: list[Waiting] = []
        self._running: dict[Future[Any], Any] = {}
        """The jobs of submitit by their futures."""
        self._checked = time.monotonic()
        self._fault = ""
        """What ended the thread below."""
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Submit a job."""
        future: Future[T] = Future()
        with self._lock:
            if self._fault:
                raise srbench.WorkerError(self._fault)
            if self._stop.is_set():
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._waiting.append(Waiting(partial(fn, *args, **kwargs) if args or kwargs else fn, future))
        return future

    def abandon(self, future: Future[Any]) -> None:
        """Cancel a job on the cluster; the future then has a `srbench.WorkerError`."""
        with self._lock:
            if job := self._running.get(future):
                job.cancel(check=False)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse further jobs, and cancel all that the cluster has if pending ones are cancelled."""
        self._stop.set()
        if cancel_futures:
            with self._lock:
                for waiting in self._waiting:
                    waiting.future.cancel()
                for job in self._running.values():
                    job.cancel(check=False)
        if wait:
            self._thread.join()

    def _serve(self) -> None:
        """Serve, and leave no job without an end if submitit fails in a way that is not known."""
        try:
            self._serve_all()
        except Exception as error:  # noqa: BLE001 - see above
            with self._lock:
                self._fault = f"submitit failed: {type(error).__name__}: {' '.join(str(error).split())}"
                lost = [*(waiting.future for waiting in self._waiting), *self._running]
                self._waiting.clear()
                self._running.clear()
            for future in lost:
                if not future.done():
                    future.set_exception(srbench.WorkerError(self._fault))

    def _serve_all(self) -> None:
        """Submit and look for results until the shutdown, and then until nothing is left."""
        seen = 0
        while True:
            with self._lock:
                waiting, running = len(self._waiting), len(self._running)
            if self._stop.is_set() and not waiting and not running:
                return
            if waiting and waiting == seen:  # no more have come since the last look
                self._submit()
            seen = waiting
            self._collect()
            self._stop.wait(GATHER_SECONDS if waiting else self._settings.poll_seconds)
            if self._stop.is_set():
                time.sleep(min(GATHER_SECONDS, self._settings.poll_seconds))

    def _submit(self) -> None:
        """Submit what waits: an array for each kind of needs; on this machine, as many as there are workers."""
        with self._lock:
            room = len(self._waiting) if self._settings.cluster == "slurm" else self._workers - len(self._running)
            taken, self._waiting = self._waiting[: max(room, 0)], self._waiting[max(room, 0) :]
        taken = [waiting for waiting in taken if waiting.future.set_running_or_notify_cancel()]
        for needs in dict.fromkeys(waiting.needs for waiting in taken):
            array = [waiting for waiting in taken if waiting.needs == needs]
            try:
                jobs = self._executor(needs).submit_array([Job(waiting.work) for waiting in array])
            except Exception as error:  # noqa: BLE001 - of submitit, sbatch, or a job that cannot be pickled
                refused = srbench.SrbenchError(f"Slurm did not take the job: {' '.join(str(error).split())}")
                for waiting in array:
                    waiting.future.set_exception(refused)
            else:
                for job in jobs if self._settings.cluster == "local" else ():
                    job.task(0)._results_timeout_s = 1
                with self._lock:
                    self._running |= {waiting.future: job.task(0) for waiting, job in zip(array, jobs, strict=True)}

    def _executor(self, needs: srbench.Needs) -> Any:  # noqa: ANN401 - submitit has no types
        import submitit

        executor = submitit.AutoExecutor(
            self._folder, cluster=self._settings.cluster, slurm_max_num_timeout=self._settings.time_limits
        )
        executor.update_parameters(**self._settings.parameters(needs, self._workers))
        return executor

    def _collect(self) -> None:
        """Give the futures of jobs that have ended their results."""
        forced = time.monotonic() - self._checked > FORCED_SECONDS
        if forced:
            self._checked = time.monotonic()
        for future, job in list(self._running.items()):
            if not job.done(force_check=forced):
                continue
            forced = False  # one answer of Slurm's is about all jobs
            try:
                done, answer, trace = job.result()
            except Exception as error:  # noqa: BLE001 - submitit's for a job without a result, or one that is damaged
                done, answer, trace = False, srbench.WorkerError(_loss(job, error)), ""
            with self._lock:
                del self._running[future]
            if done:
                future.set_result(answer)
            else:
                if trace:
                    answer.add_note(f"Traceback of the worker: {trace}")
                future.set_exception(answer)


_NUMBERS = itertools.count()


def _loss(job: Any, error: Exception) -> str:  # noqa: ANN401 - submitit has no types
    """Say which job was lost where, in which state Slurm has it, and what its log says in the end."""
    lines: list[str] = []
    with suppress(OSError):
        lines = job.paths.stderr.read_text(errors="replace").split("\n")
    log = " | ".join([line.strip() for line in lines if line.strip()][-LOG_LINES:])
    info = job.get_info(mode="cache")
    node, state = info.get("NodeList", ""), info.get("State") or job.state
    limits = "; it ran into its time limit too often" if "timed-out too many times" in str(error) else ""
    return (
        f"job {job.job_id}{f' on {node}' if node else ''} ended in the state {state}{limits}; "
        f"the last lines of its log, {job.paths.stderr}, are: {log or '(none)'}"
    )


def slurm(workers: int, needs: srbench.Needs) -> Slurm:
    """Make an executor on the cluster that ``slurm.toml`` describes.

    Raises:
        SrbenchError: The file cannot be understood, or does not suit jobs of several nodes.
        UnavailableError: submitit is not installed, or there is no Slurm here.
    """
    settings = read_settings()
    try:
        import submitit
    except ImportError:
        raise srbench.UnavailableError(
            "The executor slurm needs submitit, which is not installed; run pip install 'srbench[slurm]'."
        ) from None
    if settings.cluster == "slurm" and submitit.SlurmExecutor.affinity() < 0:
        raise srbench.UnavailableError(
            'There is no Slurm on this machine (srun is not found); run on a login node, or set cluster = "local" in '
            "slurm.toml."
        )
    if settings.cluster == "debug" and needs.nodes > 1:
        raise srbench.SrbenchError('A job of several nodes needs cluster = "slurm" or "local" in slurm.toml.')
    return Slurm(workers, settings)


@srbench.hookimpl
def register_executors() -> list[srbench.ExecutorSpec]:
    """Provide the Slurm cluster."""
    return [
        srbench.ExecutorSpec(
            name="slurm", label="a Slurm cluster, by slurm.toml", make=slurm, isolated=True, nodes=True, elsewhere=True
        )
    ]
