"""Open the journal in which a search keeps its state: lines that are only ever added, by one process at a time."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from srbench.errors import ConfigError, UnavailableError
from srbench.files import cannot_write, locked
from srbench.searching.space import Space

if TYPE_CHECKING:
    from optuna.study import Study

LOCK = "journal.lock"
"""The file in the folder of locks that a process holds while it adds lines."""


def open_study(journal: Path, locks: Path, space: Space) -> Study:
    """Open the study of a space, or make it.

    Args:
        journal: The file of its state.
        locks: A folder for locks.
        space: Gives its name and directions.

    Raises:
        UnavailableError: The package optuna is not installed.
        ConfigError: The journal is damaged.
        StoreError: It cannot be written.
    """
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise UnavailableError("A search needs the package optuna; install srbench[search].") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with locked(locks / LOCK):  # what another process is writing now is not torn
            _drop_torn_end(journal)
        storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=cast("Any", _KernelLock(locks))))
        return optuna.create_study(
            storage=storage,
            study_name=space.suite.name,
            directions=["maximize" if space.higher_is_better else "minimize", "minimize"],
            load_if_exists=True,
        )
    except OSError as error:
        raise cannot_write(journal, error) from error
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"{journal} is damaged ({error}); restore it, or delete it to search from the start."
        ) from error


def _drop_torn_end(journal: Path) -> None:
    """Remove a last line that was not written to its end, as after a power cut."""
    if journal.is_file():
        text = journal.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            with journal.open("rb+") as file:
                file.truncate(whole)


class _KernelLock:
    """A lock on the journal that the system releases if its process is killed; optuna's own would be waited for."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._stack = ExitStack()

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._stack.enter_context(locked(self._path))
        return True

    def release(self) -> None:
        """Give it back."""
        self._stack.close()
