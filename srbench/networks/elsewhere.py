"""Weights that others publish: files on the Hugging Face Hub, and files of any host by their hash.

A repository of the hub can change, so the hash of each of its files is kept when it is first used on a machine, and
compared whenever it is used again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from srbench.errors import CheckpointError, UnavailableError, text_of
from srbench.files import atomic_write, cache_root, fetch_file, sha256_of


def hub_file(repository: str, name: str, revision: str | None = None) -> Path:
    """Return the path of a file of a model on the Hugging Face Hub, downloaded if it is not in that library's cache.

    Args:
        repository: OWNER/NAME.
        name: The file in it.
        revision: A branch, tag or commit; the main branch if absent.

    Raises:
        CheckpointError: The file is not the one of the first use on this machine.
        UnavailableError: The package huggingface_hub is missing, or the hub does not give the file.
    """
    try:
        import huggingface_hub as hub
    except ImportError as error:
        raise UnavailableError(f"hf:{repository} needs the package huggingface_hub; install srbench[hub].") from error
    try:
        path = Path(hub.hf_hub_download(repository, name, revision=revision))
    except Exception as error:
        reason = f"{type(error).__name__}: {text_of(error)[:160]}"
        raise UnavailableError(
            f"{name} of hf:{repository} could not be downloaded ({reason}); check the name and the network."
        ) from error
    _compare_with_first_use(path, f"{repository}@{revision or 'main'}/{name}")
    return path


def fetched_weights(urls: Sequence[str], sha256: str, suffix: str) -> Path:
    """Return the path of a file with this hash in the cache, downloaded from the first address that has it.

    Args:
        urls: Addresses (http or https) of the same file.
        sha256: Its hash.
        suffix: The ending of its name: ".pth".

    Raises:
        UnavailableError: No address has it.
    """
    return fetch_file(urls, sha256, _kept() / f"{sha256}{suffix}")


def fetched_text(url: str, name: str) -> str:
    """Return a text that is downloaded once, and then read from the cache under ``name``.

    Raises:
        UnavailableError: The address does not have it.
    """
    return fetch_file([url], None, _kept() / name).read_text(encoding="utf-8")


def _kept() -> Path:
    """Return the part of the cache with files of other hosts and the hashes of their first use."""
    return cache_root() / "hub"


def _compare_with_first_use(path: Path, name: str) -> None:
    kept = _kept() / (re.sub(r"[^\w.@-]", "--", name) + ".sha256")
    found = sha256_of(path)
    if not kept.is_file():
        atomic_write(kept, f"{found}\n")
        return
    first = kept.read_text(encoding="utf-8").strip()
    if found != first:
        raise CheckpointError(
            f"{name} has changed since its first use on this machine (sha256 {found[:12]}…, then {first[:12]}…); "
            f"name the revision that you mean, as OWNER/NAME@REVISION, or delete {kept} to use the new one."
        )
