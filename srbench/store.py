"""Artefacts by the hash of everything that decides them; written so that a kill at any moment harms nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock, Timeout

from srbench.errors import StoreError

STAGE_VERSIONS = {"pace": 2, "train": 1, "measure": 1, "certify": 1, "profile": 1}
"""Raised by hand whenever a stage's result changes for the same inputs."""


def cache_root() -> Path:
    """Folder of everything that can be made again: ``SRBENCH_CACHE``, or the user's cache folder."""
    given = os.environ.get("SRBENCH_CACHE")
    return Path(given) if given else platformdirs.user_cache_path("srbench")


def content_key(stage: str, inputs: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of a stage, its version and its inputs."""
    text = json.dumps(
        {"stage": stage, "version": STAGE_VERSIONS[stage], "inputs": inputs},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; flushed and renamed when the block succeeds, removed when not.

    Raises:
        StoreError: The folder cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=f"{path.suffix}.tmp", dir=path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes private files; results are for everyone the umask allows.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def atomic_write(path: Path, data: bytes | str) -> None:
    """Write a whole file or nothing; see `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def _cannot_write(path: Path, error: OSError) -> StoreError:
    if error.errno == errno.ENOSPC:
        return StoreError(f"The disk is full: {path} could not be written; free some space and run again to go on.")
    if error.errno == errno.EDQUOT:
        return StoreError(f"The disk quota is used up: {path} could not be written; free some space and run again.")
    reason = error.strerror or str(error)
    return StoreError(f"{path} could not be written ({reason}); choose a folder you may write to, or mend its rights.")


class Store:
    """Finished artefacts, ``<root>/<stage>/<aa>/<key>/``."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_root()

    def folder(self, stage: str, key: str) -> Path:
        """Where the artefacts of a key live, finished or under way."""
        return self.root / stage / key[:2] / key

    def read(self, stage: str, key: str) -> dict[str, Any] | None:
        """The finished result of a key; None if there is none, or it is damaged."""
        path = self.folder(stage, key) / "result.json"
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return result if isinstance(result, dict) else None

    def forget(self, stage: str, key: str) -> None:
        """Drop all that was stored under a key, the result first, so that it is made anew."""
        folder = self.folder(stage, key)
        with self.claim(stage, key):
            try:
                (folder / "result.json").unlink(missing_ok=True)
                for path in folder.iterdir():
                    if path.is_dir():
                        shutil.rmtree(path)
                    elif path.name != "lock":
                        path.unlink()
            except OSError as error:
                raise _cannot_write(folder, error) from error

    def write(self, stage: str, key: str, result: Mapping[str, Any]) -> None:
        """Store the result of a key; whatever else its folder holds must be complete by now."""
        atomic_write(self.folder(stage, key) / "result.json", json.dumps(result, indent=1, allow_nan=False))

    @contextmanager
    def claim(self, stage: str, key: str) -> Iterator[None]:
        """Hold a key while working on it, so that two runs never train the same model at once; the second waits."""
        folder = self.folder(stage, key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / "lock")
            lock.acquire()
        except OSError as error:
            raise _cannot_write(folder, error) from error
        try:
            yield
        finally:
            lock.release()


@contextmanager
def results_lock(folder: Path) -> Iterator[None]:
    """Hold a results folder for one run.

    Raises:
        StoreError: Another run is writing there, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"Another srbench run is writing to {folder}; wait for it to end, or give this one a folder of its own "
            "with --results."
        ) from None
    except OSError as error:
        raise _cannot_write(folder, error) from error
    try:
        yield
    finally:
        lock.release()
