"""One training in several processes: this one, and helpers that it starts for the time of the training.

On several machines, each has one process that does the job there, and starts the helpers of its machine. All of them
find each other at the first machine, which decides whether there is anything to train, and alone stores the result.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Self

from srbench.errors import TrainingError, TrainingInterrupted, UsageError, WorkerError, text_of
from srbench.running.events import unheard
from srbench.running.job_progress import JobProgress
from srbench.running.machines import Machines
from srbench.running.places import require_devices
from srbench.running.session import Session

if TYPE_CHECKING:
    from srbench.training.group import Group

Train = Callable[[Session, Path, JobProgress, "Group"], object]
"""Trains as one process of a group; can be pickled."""

LAST_WORDS = 10.0
"""Seconds that helpers have to end by themselves, such as after an error of this process."""
WARNINGS = (signal.SIGUSR1, signal.SIGUSR2) if os.name == "posix" else ()
"""What clusters send to all processes of a job before its time limit; the first one passes on what follows from it."""
READY = ""
"""What a helper sends when it can join; anything else is the sentence of its error."""


@contextmanager
def together(train: Train, session: Session, folder: Path) -> Iterator[tuple[Group, Session]]:
    """Start the other processes of a training on this machine, and yield the group of all and the session of this one.

    Args:
        train: What this process calls in the block, and the others by themselves.
        session: The session of the training.
        folder: Where the training is stored.

    Raises:
        TrainingError: A helper failed; its error is raised here.
        WorkerError: A helper died, or another machine was lost.
        UsageError: There are too few devices, or this session's plugins exist in this process alone.
    """
    import torch

    from srbench.training.group import ALONE, HERE, LostProcessError, joined, meeting_point

    node, size = session.node, session.devices
    if size == 1:
        yield ALONE, session
        return
    if session.given is not None:
        raise UsageError("A plugin that is in no file cannot be used in several processes; leave devices at 1.")
    here, threads = _processes_here(session), torch.get_num_threads()
    store = meeting_point(size, node.port, node.address if node.number else HERE)
    machines = Machines(node, store)
    machines.begin()
    try:
        require_devices(session.device, here)
        found = replace(node, address=store.host, port=store.port)
        each = replace(session, threads=max(1, threads // here), node=found)
        own = _session_of(each, 0)
        torch.set_num_threads(each.threads)
        with _Helpers(train, each, folder) as helpers:
            try:
                machines.gather()
                with joined(node.number * here, size, store, torch.device(own.device)) as group:
                    yield group, own
            except LostProcessError as error:
                raise helpers.reason() or machines.why_lost(error) or error from error
    except Exception as error:
        if node.number and not isinstance(error, LostProcessError):
            machines.report(error)
        raise
    finally:
        torch.set_num_threads(threads)


def assist(train: Train, session: Session, folder: Path) -> None:
    """Train as one of the machines that are not the first, if that one has something to train; it says how it went.

    Args:
        train: As for `together`.
        session: The session of the training.
        folder: Where the training is stored.
    """
    from srbench.training.group import LostProcessError, meeting_point

    node = session.node
    try:
        Machines(node, meeting_point(session.devices, node.port, node.address)).wait_for_begin()
    except (RuntimeError, LostProcessError):
        return
    with suppress(LostProcessError, TrainingInterrupted), together(train, session, folder) as (group, own):
        train(own, folder, JobProgress(1, 1, "", unheard), group)


def _processes_here(session: Session) -> int:
    """Return how many processes of a training each machine has."""
    return session.devices // session.node.count


class _Helpers:
    """The other processes of a training; as a context, none of them outlives it."""

    def __init__(self, train: Train, session: Session, folder: Path) -> None:
        """Start them.

        They are spawned: a forked process cannot use CUDA, and may inherit the shut lock of a thread.
        """
        spawning = multiprocessing.get_context("spawn")
        self._size, here = session.devices, _processes_here(session)
        self._first = session.node.number * here
        """The rank of this process."""
        self._processes: list[BaseProcess] = []
        self._words: list[Connection] = []
        self._dead: tuple[int, int] | None = None
        """Rank and exit code of the first that failed."""
        self._done = threading.Event()
        for place in range(1, here):
            words, theirs = spawning.Pipe(duplex=False)
            process = spawning.Process(target=_help, args=(place, train, session, folder, theirs), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._words.append(words)
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        try:  # or this process would wait long for one that cannot even begin
            ready = all(_received(words, READY) for words in self._words)
        except BaseException:
            self.__exit__()
            raise
        if not ready:
            self.__exit__()
            raise self.reason() or TrainingError("Another process of this training could not begin; run it again.")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.join(LAST_WORDS)
            process.kill()
            process.join()
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        """End all helpers when one has died, so that nobody waits for it: not they, and not this process."""
        while not self._done.wait(0.2):
            for rank, process in enumerate(self._processes, start=self._first + 1):
                if process.exitcode:
                    self._dead = rank, process.exitcode
                    for other in self._processes:
                        other.kill()
                    return

    def reason(self) -> Exception | None:
        """Return why this process lost a helper; None if it was not by the helper's end."""
        self._watcher.join(LAST_WORDS)
        for words in self._words:
            if sentence := _last(words):
                return TrainingError(sentence)
        if self._dead is None:
            return None
        rank, code = self._dead
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return WorkerError(f"process {rank + 1} of {self._size} of the training {how}")


def _received(words: Connection, sentence: str) -> bool:
    try:
        if (heard := words.recv()) == sentence:
            return True
    except EOFError:
        return False
    raise TrainingError(heard)


def _last(words: Connection) -> str:
    """Return the sentence of a helper's error; empty if it sent none."""
    try:
        while words.poll():
            if sentence := words.recv():
                return str(sentence)
    except EOFError:
        pass
    return ""


def _session_of(session: Session, place: int) -> Session:
    """Return the session of one process, with a device of its own on its machine."""
    return replace(session, device=f"cuda:{place}") if session.device == "cuda" else session


def _help(place: int, train: Train, session: Session, folder: Path, words: Connection) -> None:
    """Be one of the helpers of a machine, where they count from 1."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for number in WARNINGS:
        signal.signal(number, signal.SIG_IGN)
    try:
        import torch

        from srbench.training.group import LostProcessError, joined, meeting_point

        own, node, size = _session_of(session, place), session.node, session.devices
        rank = node.number * _processes_here(session) + place
        torch.set_num_threads(session.threads)
        store = meeting_point(size, node.port, node.address)
        words.send(READY)
        try:
            with joined(rank, size, store, torch.device(own.device)) as group:
                train(own, folder, JobProgress(1, 1, "", unheard), group)
        except (LostProcessError, TrainingInterrupted):
            pass  # the first process says so
    except Exception as error:  # noqa: BLE001 - it is raised again in the first process
        words.send(text_of(error) or type(error).__name__)
        raise SystemExit(1) from None


def _end_with_parent() -> None:
    """End this process when its parent has died, which may be killed without a word."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
