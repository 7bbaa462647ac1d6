"""Artefacts by the hash of everything that decides them; written so that a kill at any moment harms nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from srbench.errors import StoreError
from srbench.files import atomic_write, cache_root, cannot_write

STAGE_VERSIONS = {"pace": 2, "train": 1, "measure": 1, "certify": 1, "profile": 1}
"""Raised by hand whenever a stage's result changes for the same inputs."""


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
                raise cannot_write(folder, error) from error

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
            raise cannot_write(folder, error) from error
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
        raise cannot_write(folder, error) from error
    try:
        yield
    finally:
        lock.release()
