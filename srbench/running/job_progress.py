"""The progress of jobs as events, from any process."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from srbench.files import cannot_write
from srbench.running.events import (
    EVENTS,
    Event,
    Failed,
    Finished,
    JobEvent,
    Listener,
    Measuring,
    Note,
    Started,
    Training,
)
from srbench.training.progress import Progress

SECONDS_BETWEEN = 0.2
"""A job reports its progress no more often, besides its beginning and its end."""
PATIENCE_SECONDS = 0.5
"""How long to wait for a job to end before looking at what workers have sent."""


class JobProgress(Progress):
    """Sends the progress of one job as events."""

    def __init__(self, number: int, jobs: int, job: str, send: Listener) -> None:
        """Take the job's number, the number of jobs, its title, and where its events go."""
        self.number, self._jobs, self._job, self._send = number, jobs, job, send
        self._title, self._steps, self._first = "", 0, 0
        self._begun = self._sent = -math.inf

    def start(self) -> None:
        """Note that a worker begins the job."""
        worker = f"{platform.node()}:{os.getpid()}"
        self._send(Started(number=self.number, jobs=self._jobs, job=self._job, worker=worker))

    def finish(self, seconds: float) -> None:
        """Note that the job is done after so many seconds."""
        self._send(Finished(number=self.number, jobs=self._jobs, job=self._job, seconds=round(seconds, 1)))

    def fail(self, reason: str) -> None:
        """Note that the job failed, and why."""
        self._send(Failed(number=self.number, jobs=self._jobs, job=self._job, reason=reason))

    def begin(self, title: str, steps: int, done: int) -> None:
        """Note that a training begins."""
        self._title, self._steps, self._first = title, steps, done
        self._begun = self._sent = time.monotonic()
        self._send(self._training(done))

    def advance(self, done: int, *, loss: float, held_out: str, images_per_second: float) -> None:
        """Note how far a training is."""
        if self._is_due(last=done == self._steps):
            elapsed = time.monotonic() - self._begun
            self._send(
                dataclasses.replace(
                    self._training(done),
                    loss=loss if math.isfinite(loss) else None,
                    held_out=held_out,
                    images_per_second=round(images_per_second, 2),
                    seconds_left=round(elapsed / max(done - self._first, 1) * (self._steps - done), 1),
                )
            )

    def note(self, sentence: str) -> None:
        """Send a sentence for people."""
        self._send(Note(text=sentence))

    @contextmanager
    def images(self, total: int) -> Iterator[Callable[[], None]]:
        """Begin to measure ``total`` images; yields what to call after each."""
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            if self._is_due(last=done == total):
                self._send(self._measuring(done, total))

        self._send(self._measuring(0, total))
        yield advance

    def _training(self, step: int) -> Training:
        return Training(
            number=self.number, jobs=self._jobs, job=self._job, step=step, steps=self._steps, title=self._title
        )

    def _measuring(self, image: int, images: int) -> Measuring:
        return Measuring(number=self.number, jobs=self._jobs, job=self._job, image=image, images=images)

    def _is_due(self, *, last: bool) -> bool:
        now = time.monotonic()
        due = last or now - self._sent >= SECONDS_BETWEEN
        if due:
            self._sent = now
        return due


@dataclass(frozen=True)
class _Outbox:
    """Sends events from workers by files that both sides see, one for each process, on any machine."""

    folder: Path

    def __call__(self, event: Event) -> None:
        """Append an event; a job never fails because its progress cannot be written."""
        path = self.folder / f"{platform.node()}-{os.getpid()}.jsonl"
        with suppress(OSError), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([event.name, dataclasses.asdict(event)]) + "\n")


class _Inbox:
    """Receives what was sent to a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, int] = {}

    def events(self) -> Iterator[Event]:
        """Yield what has come since the last call; a line that is not whole yet waits for the next one."""
        for path in sorted(self.folder.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                lines, end, _ = file.read().rpartition(b"\n")
            self._read[path] = self._read.get(path, 0) + len(lines) + len(end)
            for line in lines.splitlines():
                name, fields = json.loads(line)
                yield EVENTS[name](**fields)


class JobsProgress:
    """The jobs of one run: numbers them as they begin, and passes on what they send, wherever they run."""

    def __init__(self, jobs: int, listener: Listener, inbox: _Inbox | None = None) -> None:
        """Take the number of jobs, who listens, and how workers send events if they are other processes."""
        self._jobs, self._listener, self._inbox, self._begun = jobs, listener, inbox, 0
        self._heard: dict[int, float] = {}
        """When each job that has begun last reported something, by the monotonic clock."""

    @classmethod
    @contextmanager
    def following(cls, jobs: int, listener: Listener, shared: Path | None) -> Iterator[Self]:
        """Follow the jobs of a run; ``shared`` is a folder that workers see too, None if they run in this process.

        Raises:
            StoreError: That folder cannot be written.
        """
        if shared is None:
            yield cls(jobs, listener)
            return
        try:
            shared.mkdir(parents=True, exist_ok=True)
            folder = TemporaryDirectory(prefix="progress-", dir=shared, ignore_cleanup_errors=True)
        except OSError as error:
            raise cannot_write(shared, error) from error
        with folder as name:
            yield cls(jobs, listener, _Inbox(Path(name)))

    def next(self, title: str, *, isolated: bool) -> tuple[JobProgress, JobProgress]:
        """Return the progress of the next job: for who waits for it, and for the worker that does it.

        Args:
            title: The job in words.
            isolated: Whether the worker is another process.
        """
        self._begun += 1
        here = JobProgress(self._begun, self._jobs, title, self._listener)
        if self._inbox is None or not isolated:
            return here, here
        return here, JobProgress(self._begun, self._jobs, title, _Outbox(self._inbox.folder))

    @property
    def patience(self) -> float | None:
        """For how many seconds to wait for a job before `collect`; None where that is not needed."""
        return None if self._inbox is None else PATIENCE_SECONDS

    def collect(self) -> None:
        """Pass on what the workers have sent."""
        for event in self._inbox.events() if self._inbox else ():
            if isinstance(event, JobEvent):
                self._heard[event.number] = time.monotonic()
            self._listener(event)

    def has_begun(self, job: JobProgress) -> bool:
        """Whether a worker has begun a job, as far as is known."""
        return self._inbox is None or job.number in self._heard

    def silent_seconds(self, job: JobProgress) -> float:
        """Return for how many seconds a job has reported nothing since it began; 0 while it waits for a worker."""
        return time.monotonic() - self._heard[job.number] if job.number in self._heard else 0.0

    def forget(self, job: JobProgress) -> None:
        """Take a job for one that waits for a worker, after it was given out again."""
        self._heard.pop(job.number, None)
