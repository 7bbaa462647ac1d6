"""Say what is in the cache, how large and how old it is, and delete parts of it while nothing uses them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from srbench.errors import StoreError
from srbench.files import cannot_write, locked
from srbench.running.store import LOCK, empty

_USERS = ".users"
"""The folder of a lock for every process that uses the cache, and of one for the process that prunes it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A folder of the cache."""

    name: str
    about: str
    depth: int = 1
    """Levels below it on which its entries are."""
    stage: bool = False
    """Whether the entries are results of jobs; see `srbench.running.store.Store`."""
    fetched: bool = False
    """Whether they were downloaded, so that they can be made again only with a network."""


PARTS = (
    Part("train", "weights and checkpoints of trainings", depth=2, stage=True),
    Part("measure", "scores and kept images", depth=2, stage=True),
    Part("onnx", "networks as ONNX files, for the runtimes that open them", depth=2, stage=True),
    Part("certify", "whether copies of datasets are certified", depth=2, stage=True),
    Part("profile", "costs of networks on this machine", depth=2, stage=True),
    Part("pace", "times of training steps, for budgets of time", depth=2, stage=True),
    Part("patches", "decoded training images, their LR, and resized images"),
    Part("lr", "LR images of tests", depth=2),
    Part("lr_verdicts", "whether LR of a dataset is that of srbench"),
    Part("image_facts", "sizes and hashes of images"),
    Part("pixel_rows", "images of datasets that come as tables"),
    Part("pickled_pairs", "images of datasets that come as pickles"),
    Part("archives", "images of datasets that come as archives"),
    Part("listings", "what srbench list and show print"),
    Part("plugin_trials", "plugin files that were tried before"),
    Part("shapes", "shapes of networks' weights"),
    Part("lpips", "ImageNet networks of perceptual metrics and losses", fetched=True),
    Part("checkpoints", "published weights", fetched=True),
    Part("hub", "weights of other hosts, and hashes of their first use", fetched=True),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What can be deleted by itself: a job, or a file or folder of another part."""

    part: Part
    path: Path
    size: int
    """Bytes of its files."""
    written: float
    """When one of its files was last written, in seconds since 1970."""


def entries_of(root: Path) -> list[Entry]:
    """Return everything in a cache, also in folders that srbench does not know; nothing if there is no cache."""
    known = {part.name: part for part in PARTS}
    found = []
    for folder in sorted(path for path in root.glob("*") if path.is_dir() and not path.name.startswith(".")):
        part = known.get(folder.name) or Part(folder.name, "not made by this version")
        for path in sorted(folder.glob("/".join("*" * part.depth))):
            stats = [] if path.name.startswith(".") else list(_stats(path))
            if stats:
                sizes, times = zip(*stats, strict=True)
                found.append(Entry(part, path, sum(sizes), max(times)))
    return found


def _stats(path: Path) -> Iterator[tuple[int, float]]:
    """Yield size and time of a file, or of all files in a folder; one that disappears meanwhile is left out."""
    for file in path.rglob("*") if path.is_dir() else (path,):
        with suppress(OSError):
            if file.is_file() and file.name != LOCK:
                stat = file.stat()
                yield stat.st_size, stat.st_mtime


@contextmanager
def cache_in_use(root: Path) -> Iterator[None]:
    """Keep a cache from being pruned; waits for a prune that is going on.

    A cache that cannot be written cannot be pruned either: it is used as it is.
    """
    own = root / _USERS / f"{uuid.uuid4().hex}.lock"
    with ExitStack() as stack:
        with suppress(StoreError), locked(root / _USERS / "prune"):
            stack.enter_context(locked(own))
            stack.callback(own.unlink, missing_ok=True)  # while it is held, so that no prune meets it without its lock
        yield


def prune(root: Path, entries: Iterable[Entry], deleted: Callable[[Entry], None]) -> list[Entry]:
    """Delete entries of a cache that no process uses.

    Args:
        root: The cache.
        entries: What to delete.
        deleted: Called after each deletion.

    Returns:
        Entries that were left, since a job is working on them.

    Raises:
        StoreError: A run is using the cache, or an entry cannot be deleted.
    """
    left = []
    with locked(root / _USERS / "prune"):
        for own in (root / _USERS).glob("*.lock"):
            with _lock_at_once(own) as free:
                if not free:
                    raise StoreError(
                        f"A run of srbench is using the cache {root}, and nothing was deleted; wait until it ends."
                    )
            own.unlink(missing_ok=True)  # of a process that was killed
        for entry in entries:
            try:
                if _delete(entry):
                    deleted(entry)
                else:
                    left.append(entry)
            except OSError as error:
                raise cannot_write(entry.path, error) from error
    return left


def _delete(entry: Entry) -> bool:
    """Delete an entry so that nobody finds half of it; return False if a job is working on it."""
    path = entry.path
    if entry.part.stage:
        with _lock_at_once(path / LOCK) as free:
            if free:
                empty(path)
            return free
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return True
    with _lock_at_once(path.with_name(f".{path.name}.lock")) as free:
        if free:
            gone = path.rename(path.with_name(f".{path.name}.{uuid.uuid4().hex}"))
            shutil.rmtree(gone)
        return free


@contextmanager
def _lock_at_once(path: Path) -> Iterator[bool]:
    """Hold a lock, and yield whether no other process holds it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path, timeout=0))
        except Timeout:
            yield False
        else:
            yield True
