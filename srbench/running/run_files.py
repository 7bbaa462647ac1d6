"""The files of a run in its results folder, by which any shell can follow and stop it: who runs it, and its events."""

from __future__ import annotations

import os
import platform
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from srbench.errors import SrbenchError
from srbench.files import atomic_write
from srbench.records.stored import Stored
from srbench.running.events import Event, Listener
from srbench.running.log import SECONDS_BETWEEN_OBJECTS, JsonLog, Sparse

FOLDER = ".run"
"""In the results folder; Git ignores it."""
WATCH_SECONDS = 1.0
"""How often a run looks whether it is asked to stop."""


class Runner(Stored):
    """The process that makes a run."""

    host: str
    pid: int
    executor: str
    workers: int
    begun: str
    """UTC, ISO 8601."""
    command: tuple[str, ...] = ()
    """The words of its command; empty if it is another program."""


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of the run of one results folder."""

    results: Path

    @property
    def folder(self) -> Path:
        """The folder of the files."""
        return self.results / FOLDER

    @property
    def events(self) -> Path:
        """Every event of the run, as ``--json-log`` writes them."""
        return self.folder / "events.jsonl"

    @property
    def output(self) -> Path:
        """What a run in the background prints."""
        return self.folder / "output.txt"

    @property
    def _runner(self) -> Path:
        return self.folder / "runner.json"

    @property
    def _stop(self) -> Path:
        return self.folder / "stop"

    def runner(self) -> Runner | None:
        """Return the process that makes or made the run; None if there is none yet."""
        try:
            return Runner.model_validate_json(self._runner.read_bytes())
        except (OSError, ValueError):
            return None

    def ask_to_stop(self) -> None:
        """Let the run stop, on any machine, as Ctrl-C does.

        Raises:
            StoreError: The folder cannot be written.
        """
        atomic_write(self._stop, "")

    @contextmanager
    def following(
        self, executor: str, workers: int, command: tuple[str, ...], listener: Listener
    ) -> Iterator[Listener]:
        """Yield a listener that writes the events too, and stop the run when it is asked to.

        Raises:
            StoreError: The folder cannot be written.
        """
        begun = datetime.now(UTC).isoformat(timespec="seconds")
        runner = Runner(
            host=platform.node(), pid=os.getpid(), executor=executor, workers=workers, begun=begun, command=command
        )
        atomic_write(self.folder / ".gitignore", "*\n")
        self._stop.unlink(missing_ok=True)
        atomic_write(self.events, "")
        atomic_write(self._runner, runner.model_dump_json(indent=1))
        with self.events.open("a", encoding="utf-8") as file, self._stopped_when_asked():
            log = Sparse(JsonLog(file), SECONDS_BETWEEN_OBJECTS)

            def hear(event: Event) -> None:
                with suppress(OSError):  # a full disk is reported by who stores results
                    log(event)
                listener(event)

            yield hear

    @contextmanager
    def _stopped_when_asked(self) -> Iterator[None]:
        """Interrupt the main thread when somebody asks the run to stop; one in another thread has no way to hear it."""
        ended, main = threading.Event(), threading.main_thread()
        if threading.current_thread() is not main or not hasattr(signal, "pthread_kill"):
            yield
            return
        former = signal.getsignal(signal.SIGINT)
        if former is signal.SIG_IGN:  # what a shell starts in the background is deaf to it
            signal.signal(signal.SIGINT, signal.default_int_handler)

        def watch() -> None:
            while not ended.wait(WATCH_SECONDS):
                if self._stop.exists():
                    self._stop.unlink(missing_ok=True)
                    signal.pthread_kill(main.ident or 0, signal.SIGINT)

        threading.Thread(target=watch, daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            signal.signal(signal.SIGINT, former)


def no_run(results: Path) -> SrbenchError:
    """Return the error for a results folder without a run."""
    return SrbenchError(f"There is no run in {results}; give the folder of --results, and start one with srbench run.")
