"""One training in several processes: this one, and helpers that it starts for the time of the training."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Self

from srbench.errors import TrainingError, TrainingInterrupted, UsageError, WorkerError, text_of
from srbench.running.events import unheard
from srbench.running.job_progress import JobProgress
from srbench.running.places import require_devices
from srbench.running.session import Session

if TYPE_CHECKING:
    from srbench.training.group import Group

Train = Callable[[Session, Path, JobProgress, "Group"], object]
"""Trains as one process of a group; can be pickled."""

LAST_WORDS = 10.0
"""Seconds that helpers have to end by themselves, such as after an error of this process."""
READY = ""
"""What a helper sends when it can join; anything else is the sentence of its error."""


@contextmanager
def together(train: Train, session: Session, folder: Path) -> Iterator[tuple[Group, Session]]:
    """Start the other processes of a training, and yield the group of all and the session of this one.

    Args:
        train: What this process calls in the block, and the others by themselves.
        session: The session of the training.
        folder: Where the training is stored.

    Raises:
        TrainingError: A helper failed; its error is raised here.
        WorkerError: A helper died.
        UsageError: There are too few devices, or this session's plugins exist in this process alone.
    """
    import torch

    from srbench.training.group import ALONE, LostProcessError, joined, meeting_point

    size = session.devices
    if size == 1:
        yield ALONE, session
        return
    require_devices(session.device, size)
    if session.given is not None:
        raise UsageError("A plugin that is in no file cannot be used in several processes; leave devices at 1.")
    threads = torch.get_num_threads()
    each = replace(session, threads=max(1, threads // size))
    store = meeting_point(size)
    own = _session_of(each, 0)
    torch.set_num_threads(each.threads)
    try:
        with _Helpers(store.port, train, each, folder) as helpers:
            try:
                with joined(0, size, store, torch.device(own.device)) as group:
                    yield group, own
            except LostProcessError as error:
                raise helpers.reason() or error from error
    finally:
        torch.set_num_threads(threads)


class _Helpers:
    """The other processes of a training; as a context, none of them outlives it."""

    def __init__(self, port: int, train: Train, session: Session, folder: Path) -> None:
        """Start them.

        They are spawned: a forked process cannot use CUDA, and may inherit the shut lock of a thread.
        """
        spawning = multiprocessing.get_context("spawn")
        self._size = session.devices
        self._processes: list[BaseProcess] = []
        self._words: list[Connection] = []
        self._dead: tuple[int, int] | None = None
        """Rank and exit code of the first that failed."""
        self._done = threading.Event()
        for rank in range(1, self._size):
            words, theirs = spawning.Pipe(duplex=False)
            process = spawning.Process(target=_help, args=(rank, port, train, session, folder, theirs), daemon=True)
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
            for rank, process in enumerate(self._processes, start=1):
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


def _session_of(session: Session, rank: int) -> Session:
    """Return the session of one process, with a device of its own."""
    return replace(session, device=f"cuda:{rank}") if session.device == "cuda" else session


def _help(rank: int, port: int, train: Train, session: Session, folder: Path, words: Connection) -> None:
    """Be one of the helpers."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        import torch

        from srbench.training.group import LostProcessError, joined, meeting_point

        own, size = _session_of(session, rank), session.devices
        torch.set_num_threads(session.threads)
        store = meeting_point(size, port)
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
