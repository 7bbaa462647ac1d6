"""Store results by the hash of everything that decides them, so that a kill at any moment does no harm."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import Timeout

from srbench.errors import StoreError
from srbench.files import atomic_write, cannot_write, locked
from srbench.records.stored import Stored
from srbench.running.stages import JobName

R = TypeVar("R", bound=Stored)
RESULT = "result.json"
LOCK = "lock"
"""The file in the folder of a job that is locked while somebody works on it."""
RESULTS_LOCK = ".lock"
"""The file in a results folder that is locked while a run writes there."""


class Store:
    """The results of finished jobs and the files beside them, in ``<root>/<stage>/<aa>/<key>/``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, job: JobName[Stored]) -> Path:
        """Return where the files of a job are, finished or under way."""
        return self.root.joinpath(job.stage.name, job.key[:2], job.key)

    def result_file(self, job: JobName[Stored]) -> Path:
        """Return the file that is there once a job is finished."""
        return self.folder(job) / RESULT

    def read(self, job: JobName[R]) -> R | None:
        """Return the result of a finished job; None if there is none, or it is damaged."""
        try:
            return job.stage.result.model_validate_json(self.result_file(job).read_bytes())
        except (OSError, ValueError):
            return None

    def write(self, job: JobName[R], result: R) -> None:
        """Store the result of a job; the other files in its folder must be complete by now."""
        # pydantic's own JSON would turn a NaN into null.
        text = json.dumps(result.model_dump(mode="json"), indent=1, allow_nan=False)
        atomic_write(self.result_file(job), text)

    def forget(self, job: JobName[Stored]) -> None:
        """Delete all that a job stored, the result first, so that the job is done again."""
        with self.claim(job):
            empty(self.folder(job))

    def claim(self, job: JobName[Stored]) -> AbstractContextManager[None]:
        """Hold a job while working on it, so that two runs never train the same model at once; the second waits."""
        return locked(self.folder(job) / LOCK)


def empty(folder: Path) -> None:
    """Delete all in the folder of a job but its lock, which others may be waiting for; the result first.

    Raises:
        StoreError: Something in it cannot be deleted.
    """
    try:
        (folder / RESULT).unlink(missing_ok=True)
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()
    except OSError as error:
        raise cannot_write(folder, error) from error


@contextmanager
def results_lock(folder: Path) -> Iterator[None]:
    """Hold a results folder for one run.

    Raises:
        StoreError: Another run is writing there, or the folder cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / RESULTS_LOCK, timeout=0))
        except Timeout:
            raise StoreError(
                f"Another srbench run is writing to {folder}; wait until it ends, or choose another folder with "
                "--results."
            ) from None
        yield
