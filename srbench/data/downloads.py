"""Files from elsewhere: whole and with the right hash, or not there at all."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from srbench.errors import UnavailableError
from srbench.store import atomic_path

CONNECT_TIMEOUT_S = 10
"""An address that does not answer in this time is given up, so that a machine without a network fails quickly."""

_READ_TIMEOUT_S = 60


def weights_folder() -> Path | None:
    """``SRBENCH_WEIGHTS``: a folder of weights that is looked into before anything is downloaded."""
    given = os.environ.get("SRBENCH_WEIGHTS")
    return Path(given) if given else None


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_file(urls: Sequence[str], sha256: str | None, destination: Path, *, progress: bool = True) -> Path:
    """Download a file from the first address that has it.

    A file that is there already, with the right hash, is kept. Otherwise the download goes to a temporary name beside
    the destination and takes its place only when it is whole; what was cut off starts anew.

    Args:
        urls: Addresses (http or https) of the same file, tried in order.
        sha256: Its hash in hexadecimal; None where nobody knows it, and then nothing is checked.
        destination: Where it goes; folders are made.
        progress: Show a bar on standard error.

    Returns:
        ``destination``.

    Raises:
        UnavailableError: No address gave the file; the sentence says why, for each.
        StoreError: The destination cannot be written.
    """
    if destination.is_file() and (sha256 is None or sha256_of(destination) == sha256):
        return destination
    reasons = []
    for url in urls:
        try:
            with atomic_path(destination) as temporary:
                _download(url, temporary, progress=progress)
                _check(temporary, sha256)
        except _Failed as failure:
            reasons.append(f"{url}: {failure}")
        else:
            return destination
    tried = "; ".join(reasons) or "no address is known"
    raise UnavailableError(f"{destination.name} could not be downloaded ({tried}).")


class _Failed(Exception):  # noqa: N818 - never leaves this module
    """Why one address did not give the file."""


def _download(url: str, temporary: Path, *, progress: bool) -> None:
    import pooch
    import requests

    bar = progress and importlib.util.find_spec("tqdm") is not None
    fetch = pooch.HTTPDownloader(
        progressbar=bar, chunk_size=2**18, timeout=(CONNECT_TIMEOUT_S, _READ_TIMEOUT_S), allow_redirects=True
    )
    try:
        fetch(url, str(temporary), None)
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "with an error"
        raise _Failed(f"the server answered {status}") from error
    except requests.Timeout as error:
        raise _Failed("the server did not answer in time") from error
    except requests.ConnectionError as error:
        raise _Failed("the server cannot be reached") from error
    except requests.RequestException as error:  # also an OSError, but not one of this disk
        raise _Failed(f"{type(error).__name__}: {error}") from error


def _check(file: Path, sha256: str | None) -> None:
    if sha256 is not None and (found := sha256_of(file)) != sha256:
        raise _Failed(f"the file has sha256 {found[:12]}… instead of {sha256[:12]}…")
