"""The contract of an executor."""

from __future__ import annotations

import concurrent.futures
import json
import operator
import os
import platform
import tempfile
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from srbench.catalog.executors import ExecutorSpec, Needs, Node, Work
from srbench.files import cache_root
from srbench.testing.contract import Violations, photograph

CHECKED = (
    "results, exceptions and their traceback, isolation, equal jobs, many jobs, cancelled jobs, a worker that dies, "
    "jobs of two nodes where it has them, and that no process is left"
)

JOB_TIMEOUT = 120.0
"""Seconds that a trivial job may take, the start of a worker included."""
MANY = 1000
MANY_SECONDS = 15.0
"""A job a time costs seconds on some clusters; as many are tried as take about so long, up to `MANY`."""
END_TIMEOUT = 40.0
"""Seconds that a worker may take to end, with the checkpoint of a training."""
NEEDS = Needs(kind="contract", memory_gib=1.0, hours=0.1)


def violations(spec: ExecutorSpec) -> list[str]:
    """List the rules that an executor breaks, one sentence each."""
    found = Violations()
    with found.during(f"making {spec.name} by make(1, needs)"):
        executor = spec.make(1, NEEDS)
        if not found.expect(
            isinstance(executor, Executor),
            f"make(1, needs) of {spec.name} gave {type(executor).__name__}; give a concurrent.futures.Executor.",
        ):
            return found
        executor.shutdown()
        if spec.isolated:
            with spec.make(1, NEEDS) as executor:
                here = _submit(executor, os.getpid).result(JOB_TIMEOUT) == os.getpid()
            found.expect(not here, f"{spec.name} says isolated=True, but its jobs run in this process.")
    if found:  # a job that kills its worker would kill this process
        return found
    with tempfile.TemporaryDirectory(prefix="executor-", dir=_shared_folder()) as folder:
        for check in (_results, _two_equal_jobs, _cancelled, _deaths) if spec.isolated else (_results, _two_equal_jobs):
            with found.during(f"{CHECKS[check]} on {spec.name}"):
                check(spec, found, Path(folder))
        if spec.nodes:
            with found.during(f"running a job of two nodes on {spec.name}"):
                _two_nodes(spec, found, Path(folder))
    return found


def _results(spec: ExecutorSpec, found: Violations, folder: Path) -> None:  # noqa: ARG001
    """Expect what a job returns or raises, and from where, and a refusal after the shutdown."""
    executor = spec.make(1, NEEDS)
    with executor:
        begun = time.monotonic()
        pid = _submit(executor, os.getpid).result(JOB_TIMEOUT)
        if not spec.isolated:
            found.expect(pid == os.getpid(), f"{spec.name} says isolated=False, but its jobs run in another process.")
        error = _submit(executor, partial(int, "x")).exception(JOB_TIMEOUT)
        found.expect(isinstance(error, ValueError), f"{spec.name} does not pass on the exception of a job: {error!r}.")
        found.expect(
            not spec.isolated or "Traceback" in "".join(traceback.format_exception(error)),
            f"{spec.name} loses the traceback of a job's exception; add it as a note.",
        )
        found.expect(
            _submit(executor, partial(trained, 5)).result(JOB_TIMEOUT) == trained(5),
            f"{spec.name} gave another result of a training than this process; it must be the same bit by bit.",
        )
        each = (time.monotonic() - begun) / 3
        many = max(3, min(MANY, int(MANY_SECONDS / each))) if spec.isolated and each > 2 else MANY
        jobs = [_submit(executor, partial(operator.neg, number)) for number in range(many)]
        found.expect(
            [job.result(JOB_TIMEOUT) for job in jobs] == [-number for number in range(many)],
            f"{spec.name} mixes up the results of {many} jobs.",
        )
    try:
        _submit(executor, os.getpid)
    except RuntimeError:
        pass
    else:
        found.append(f"{spec.name} takes jobs after its shutdown; raise RuntimeError as other executors do.")
    if spec.isolated:
        _expect_no_process(spec, pid, "its shutdown", found)


def _two_equal_jobs(spec: ExecutorSpec, found: Violations, folder: Path) -> None:
    """Expect that a job which is submitted twice is done twice; some libraries take it for one."""
    own = folder / "equal"
    own.mkdir()
    with spec.make(2, NEEDS) as executor:
        for job in [_submit(executor, partial(tempfile.mkstemp, dir=own)) for _ in range(2)]:
            job.result(JOB_TIMEOUT)
    count = len(list(own.iterdir()))
    found.expect(
        count == 2, f"{spec.name} did a job that was submitted twice {count} times; do each that is submitted."
    )


def _cancelled(spec: ExecutorSpec, found: Violations, folder: Path) -> None:
    """Expect that jobs which are cancelled, alone or with all others after an interrupt, do not run."""
    own = folder / "cancelled"
    own.mkdir()
    executor = spec.make(1, NEEDS)
    pid = _submit(executor, os.getpid).result(JOB_TIMEOUT)
    running = _submit(executor, partial(time.sleep, 2))
    _wait_for(running.running)
    waiting = [_submit(executor, partial(tempfile.mkstemp, dir=own)) for _ in range(3)]
    taken = waiting[1].cancel()
    try:
        executor.shutdown(wait=False, cancel_futures=True)
    except TypeError:
        executor.shutdown(wait=False)  # it has no word for it; a run then waits for its jobs
    else:
        # Not concurrent.futures.wait, for which a job that nobody will begin has no end until somebody says so.
        _wait_for(lambda: all(job.done() for job in (running, *waiting)), END_TIMEOUT)
        left = sum(not job.done() for job in (running, *waiting))
        found.expect(not left, f"{spec.name} leaves {left} jobs without an end after its shutdown.")
        began = len(list(own.iterdir()))
        found.expect(
            began <= 3 - sum(job.cancelled() for job in waiting) and not (taken and waiting[1].done() and began > 2),
            f"{spec.name} did jobs that it had cancelled.",
        )
        _expect_no_process(spec, pid, "an interrupt", found)
    executor.shutdown()


def _deaths(spec: ExecutorSpec, found: Violations, folder: Path) -> None:  # noqa: ARG001
    """Expect that the job of a worker that died says so, and that others are done then or on a new executor."""
    executor = spec.make(2, NEEDS)
    beside = _submit(executor, partial(time.sleep, 1))
    dying = _submit(executor, partial(os._exit, 3))
    error = dying.exception(JOB_TIMEOUT)
    found.expect(
        isinstance(error, concurrent.futures.BrokenExecutor),
        f"{spec.name} gives {error!r} for a job whose worker died; raise srbench.WorkerError so that it is done again.",
    )
    try:
        after = _submit(executor, partial(operator.add, 2, 3))
        broken = after.exception(JOB_TIMEOUT)
        beside_broken = beside.exception(JOB_TIMEOUT)
    except concurrent.futures.BrokenExecutor as refused:
        broken = beside_broken = refused
    executor.shutdown()
    for name, fault in (("next", broken), ("one beside it", beside_broken)):
        found.expect(
            fault is None or isinstance(fault, concurrent.futures.BrokenExecutor),
            f"{spec.name} gives {fault!r} for the {name} after a worker died; do it, or raise a BrokenExecutor.",
        )
    if broken is not None:
        with spec.make(2, NEEDS) as another:
            found.expect(
                _submit(another, partial(operator.add, 2, 3)).result(JOB_TIMEOUT) == 5, f"{spec.name} does not recover."
            )


def _two_nodes(spec: ExecutorSpec, found: Violations, folder: Path) -> None:
    """Expect that a job of two nodes is called on both at once, each of which knows where the first one is."""
    needs = replace(NEEDS, nodes=2)
    with spec.make(1, needs) as executor:
        nodes = executor.submit(Work(partial(_met, folder / "nodes"), needs)).result(JOB_TIMEOUT)
    found.expect(
        nodes[0] == replace(nodes[1], number=0) and [node.number for node in nodes] == [0, 1] and nodes[0].count == 2,
        f"{spec.name} called a job of two nodes with {nodes}; give them the numbers 0 and 1, and else the same.",
    )
    found.expect(
        bool(nodes[0].address) and nodes[0].port > 0,
        f"{spec.name} does not say where the first of two nodes is: give each Node its address and a free port.",
    )


def _met(folder: Path, node: Node) -> list[Node]:
    """Wait for the other of two machines, and return what both were given, if this is the first."""
    folder.mkdir(exist_ok=True)
    own = folder / f"{node.number}"
    own.with_suffix(".new").write_text(json.dumps(asdict(node)))
    own.with_suffix(".new").rename(own)
    files = [folder / "0", folder / "1"]
    if not _wait_for(lambda: all(file.exists() for file in files), JOB_TIMEOUT / 2):
        raise TimeoutError(f"machine {node.number} of {node.count} was alone for {JOB_TIMEOUT / 2:g} seconds")
    return [Node(**json.loads(file.read_text())) for file in files]


CHECKS: dict[Callable[[ExecutorSpec, Violations, Path], None], str] = {
    _results: "running jobs",
    _two_equal_jobs: "running two equal jobs",
    _cancelled: "cancelling jobs",
    _deaths: "losing a worker",
}
"""What a check does, in words."""


def _submit(executor: Executor, call: Callable[[], Any]) -> Future[Any]:
    """Submit a job as a run does."""
    return executor.submit(Work(call, NEEDS))


def trained(seed: int) -> bytes:
    """Train a small network for a few steps on one thread, and return its weights."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        generator = torch.Generator().manual_seed(seed)
        weight = nn.Parameter(torch.randn(3, 3, 3, 3, generator=generator))
        optimiser, image = torch.optim.Adam([weight], 1e-2), photograph(2, 3, 16, 16, seed=seed)
        for _ in range(5):
            optimiser.zero_grad()
            loss = (nn.functional.conv2d(image, weight, padding=1) - image).abs().mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        return weight.detach().numpy().tobytes()
    finally:
        torch.set_num_threads(threads)


def _shared_folder() -> Path:
    """Return a folder that workers on other machines see too."""
    folder = cache_root()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _expect_no_process(spec: ExecutorSpec, pid: int, event: str, found: Violations) -> None:
    """Expect that a worker of this machine has ended; those of others are not looked for."""
    if spec.elsewhere:
        return
    ended = _wait_for(lambda: not _is_alive(pid), END_TIMEOUT)
    found.expect(ended, f"{spec.name} leaves the process {pid} on {platform.node()} after {event}.")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_for(condition: Callable[[], bool], seconds: float = JOB_TIMEOUT) -> bool:
    """Wait until a condition holds, and return whether it does."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()
