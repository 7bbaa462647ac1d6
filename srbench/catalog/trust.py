"""Consent to the files of ``./plugins``: a folder may have come with an archive or a clone, and its files are code.

A file is loaded if it was allowed as it is now: its path and hash are noted in the user's configuration folder.
``SRBENCH_TRUST_PLUGINS=1`` allows every file, for machines that run what was reviewed before, such as those of CI.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import platformdirs
from pydantic import TypeAdapter

from srbench.errors import UsageError
from srbench.files import atomic_write, sha256_of


def trust_note() -> Path:
    """Return the file with the hash of every allowed file by its path."""
    return platformdirs.user_config_path("srbench") / "trusted_plugins.json"


def trusts_everything() -> bool:
    """Whether ``SRBENCH_TRUST_PLUGINS`` allows every file."""
    return os.environ.get("SRBENCH_TRUST_PLUGINS", "") not in {"", "0"}


def is_trusted(path: Path) -> bool:
    """Whether a file was allowed, and has not changed since; one that cannot be read was not."""
    try:
        return trusts_everything() or _hashes().get(str(path.resolve())) == sha256_of(path)
    except OSError:
        return False


def trust(paths: Iterable[Path]) -> None:
    """Allow files as they are now.

    Raises:
        UsageError: One cannot be read.
        StoreError: The configuration folder cannot be written.
    """
    try:
        allowed = {str(path.resolve()): sha256_of(path) for path in paths}
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read ({error.strerror}); check its permissions.") from error
    atomic_write(trust_note(), json.dumps(_hashes() | allowed, indent=1))


def _hashes() -> dict[str, str]:
    try:
        return TypeAdapter(dict[str, str]).validate_json(trust_note().read_bytes())
    except (OSError, ValueError):
        return {}
