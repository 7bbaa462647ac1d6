"""Write files whole or not at all, download files with the right hash, and find the files that come with srbench."""

from __future__ import annotations

import errno
import functools
import hashlib
import importlib.util
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from srbench.errors import StoreError, UnavailableError

CONNECT_TIMEOUT_S = 10
"""Time for an address to answer; short, so that a machine without a network fails quickly."""

_READ_TIMEOUT_S = 60
_LONGEST_STEM = 230
_TEMPORARY = ".srbench.tmp"
LEASE_SECONDS = 60.0
"""How long a lock is held after the death of its holder, on a file system without locks."""
_NO_LOCKS = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK})
_ABANDONED_S = 24 * 3600
"""A temporary file of this age belongs to a process that was killed."""


def cache_root() -> Path:
    """Return the folder of everything that can be made again: ``SRBENCH_CACHE``, or the user's cache folder."""
    given = os.environ.get("SRBENCH_CACHE")
    return Path(given) if given else platformdirs.user_cache_path("srbench")


def weights_folder() -> Path | None:
    """Return ``SRBENCH_WEIGHTS``, a folder of weights that is searched before anything is downloaded."""
    given = os.environ.get("SRBENCH_WEIGHTS")
    return Path(given) if given else None


def shipped(name: str) -> Path:
    """Return the path of a file or folder that comes with srbench: "datasets.toml", "suites" or "recipes".

    A wheel has them inside the package; a clone, with or without an editable install, has them beside it.

    Raises:
        StoreError: It is missing in the installation.
    """
    package = Path(__file__).parent
    inside = package / "shipped"
    path = (inside if inside.is_dir() else package.parent) / name
    if not path.exists():
        raise StoreError(f"{path}, which comes with srbench, is missing; install srbench again.")
    return path


def shipped_tables(folder: str) -> dict[str, Path]:
    """Return the TOML files of a shipped folder, "suites" or "recipes", by their names without the ending."""
    return {path.stem: path for path in sorted(shipped(folder).glob("*.toml"))}


def short_stem(stem: str) -> str:
    """Return a file's name as it is up to 230 bytes, else its beginning and a hash of it: file systems take 255 bytes.

    The rest is for what is written around it, such as ``_x4.json``.
    """
    raw = os.fsencode(stem)
    if len(raw) <= _LONGEST_STEM:
        return stem
    return f"{raw[: _LONGEST_STEM - 9].decode(errors='ignore')}-{hashlib.sha256(raw).hexdigest()[:8]}"


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; the file is flushed and renamed if the block succeeds, else deleted.

    Raises:
        StoreError: The folder cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=_TEMPORARY, dir=path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that takes its place if the block succeeds, else it is deleted.

    A folder that is at ``path`` is deleted only then.

    Raises:
        StoreError: It cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name[:40]}-", suffix=_TEMPORARY, dir=path.parent))
    except OSError as error:
        raise cannot_write(path, error) from error
    former = partial.with_name(f"{partial.name}.old")
    try:
        yield partial
        partial.chmod(0o777 & ~_umask())
        if path.is_dir():
            path.rename(former)
        partial.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        for folder in (partial, former):
            shutil.rmtree(folder, ignore_errors=True)


def _umask() -> int:
    """Return the rights that results lack; the temporary files that they begin as are private."""
    umask = os.umask(0)
    os.umask(umask)
    return umask


@functools.cache
def _sweep(folder: Path) -> None:
    """Delete what killed processes left in a folder; once for each folder and process."""
    for path in folder.glob(f".*{_TEMPORARY}"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink()


@contextmanager
def locked(path: Path, timeout: float = -1) -> Iterator[None]:
    """Hold a lock file, which no two processes hold at the same time.

    Where the file system has no locks, as some of clusters, a file beside it is held instead, and renewed while it is.
    That of a process that died is free after `LEASE_SECONDS`.

    Args:
        path: The lock file; made with its folder.
        timeout: Seconds to wait for it; for ever if negative.

    Raises:
        Timeout: Another process still holds it; the class is filelock's.
        StoreError: The folder cannot be written.
    """
    from filelock import BaseFileLock, FileLock, SoftFileLease, Timeout

    lock: BaseFileLock = FileLock(path, timeout=timeout)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            lease = path.with_name(f"{path.name}.lease")
            lock = SoftFileLease(lease, lease_duration=LEASE_SECONDS, timeout=timeout)
            lock.acquire()
    except Timeout:
        raise
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    try:
        yield
    finally:
        lock.release()


def require_locks(folder: Path) -> None:
    """Refuse a folder in which two could hold one lock, before anything relies on it.

    Raises:
        StoreError: Its file system gives a lock twice, or none at all.
    """
    from filelock import Timeout

    path = folder / f".{uuid.uuid4().hex}.lock"
    try:
        with locked(path):
            try:
                with locked(path, timeout=0):
                    raise StoreError(
                        f"The file system of {folder} gives one lock to two at a time, so that two runs could train "
                        "one model in one place; set SRBENCH_CACHE to a folder on another one."
                    )
            except Timeout:
                return
    finally:
        for left in (path, path.with_name(f"{path.name}.lease")):
            with suppress(OSError):
                left.unlink(missing_ok=True)


def atomic_write(path: Path, data: bytes | str) -> None:
    """Write a file whole or not at all; see `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Make a folder of files whole or not at all; a folder that is there stays unchanged.

    Args:
        folder: The folder; its parents are made.
        make: Writes the files into the empty folder that it is given, which is then renamed.

    Returns:
        The folder.

    Raises:
        StoreError: It cannot be written.
    """
    with locked(folder.with_name(f".{folder.name}.lock")):
        if folder.is_dir():
            return folder
        partial = folder.with_name(f".{folder.name}{_TEMPORARY}")
        try:
            shutil.rmtree(partial, ignore_errors=True)  # a process that was killed left it
            partial.mkdir()
            make(partial)
            partial.rename(folder)
        except OSError as error:
            raise cannot_write(folder, error) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def cannot_write(path: Path, error: OSError) -> StoreError:
    """Return the error that says why ``path`` could not be written."""
    if error.errno == errno.ENOSPC:
        return StoreError(f"The disk is full: {path} could not be written; free some space and run again to go on.")
    if error.errno == errno.EDQUOT:
        return StoreError(f"The disk quota is used up: {path} could not be written; free some space and run again.")
    reason = error.strerror or str(error)
    return StoreError(f"{path} could not be written ({reason}); choose another folder, or check its permissions.")


def fetch_file(urls: Sequence[str], sha256: str | None, destination: Path, *, progress: bool = True) -> Path:
    """Download a file from the first address that has it.

    An existing file with the right hash is kept. Otherwise the download is written under a temporary name and renamed
    when it is complete; an interrupted download starts from its beginning.

    Args:
        urls: Addresses (http or https) of the same file, tried in order.
        sha256: Its hash in hexadecimal; None if it is unknown, and then nothing is checked.
        destination: Where to write it, which is returned; folders are made.
        progress: Show a bar on standard error.

    Raises:
        UnavailableError: No address has the file; the sentence says why, for each.
        StoreError: The destination cannot be written.
    """
    if destination.is_file() and (sha256 is None or sha256_of(destination) == sha256):
        return destination
    reasons = []
    for url in urls:
        try:
            with atomic_path(destination) as temporary:
                _retrieve(url, sha256, temporary, progress=progress)
        except _Failed as failure:
            reasons.append(f"{url}: {failure}")
        else:
            return destination
    tried = "; ".join(reasons) or "no address is known"
    raise UnavailableError(f"{destination.name} could not be downloaded ({tried}).")


class _Failed(Exception):  # noqa: N818 - never leaves this module
    """The reason why one address failed."""


def _retrieve(url: str, sha256: str | None, destination: Path, *, progress: bool) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # it reports every download on standard error
    destination.unlink()  # pooch would take a file that is there, of unknown hash, for the one that is wanted
    downloader = pooch.HTTPDownloader(
        progressbar=progress and importlib.util.find_spec("tqdm") is not None,
        chunk_size=2**18,
        timeout=(CONNECT_TIMEOUT_S, _READ_TIMEOUT_S),
        allow_redirects=True,
    )
    try:
        pooch.retrieve(url, sha256, destination.name, destination.parent, downloader=downloader)
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "with an error"
        raise _Failed(f"the server answered {status}") from error
    except requests.Timeout as error:
        raise _Failed("the server did not answer in time") from error
    except requests.ConnectionError as error:
        raise _Failed("the server cannot be reached") from error
    except requests.RequestException as error:  # also an OSError, but not one of this disk
        raise _Failed(f"{type(error).__name__}: {error}") from error
    except ValueError as error:  # pooch's for another hash, and Python's for a length that is not a number
        if "known hash" in str(error):
            raise _Failed(f"the file does not have the sha256 {sha256}") from error
        raise _Failed(f"the server's answer cannot be understood: {str(error).splitlines()[0]}") from error
