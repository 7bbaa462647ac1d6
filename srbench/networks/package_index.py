"""Download one file from the package index that pip is configured for, without running any of its code.

``pip download`` builds a source package to read its metadata, and thereby executes the package's ``setup.py``. Here pip
only finds the file: ``pip index versions`` uses the configured indexes, mirrors, proxies and certificates, and prints
the address of every file of the project if it is verbose. The file's hash is known, so a wrong address can only fail.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from srbench.errors import UnavailableError
from srbench.files import CONNECT_TIMEOUT_S, fetch_file

_PATIENCE_S = 120


def fetch_from_index(project: str, filename: str, sha256: str, destination: Path, *, progress: bool = True) -> Path:
    """Download one file of a project from the package index.

    Args:
        project: Name of the project.
        filename: Name of one of its files on the index.
        sha256: The file's hash; another file is refused.
        destination: Where to write it.
        progress: Show a bar on standard error.

    Returns:
        ``destination``.

    Raises:
        UnavailableError: No index can be reached, none has the file, or its hash differs; the sentence says which.
        StoreError: The destination cannot be written.
    """
    return fetch_file(_addresses(project, filename), sha256, destination, progress=progress)


def _addresses(project: str, filename: str) -> list[str]:
    command = [
        sys.executable, "-P", "-m", "pip", "index", "versions", project,
        "-vv", "--no-color", "--disable-pip-version-check", "--retries", "0", "--timeout", str(CONNECT_TIMEOUT_S),
    ]  # fmt: skip
    try:
        asked = subprocess.run(  # noqa: S603 - this Python, its pip
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"pip did not find {filename} on the package index in {_PATIENCE_S} s") from error
    found = re.findall(rf"https?://\S+/{re.escape(filename)}(?![^#\s])", asked.stdout)
    if not found:
        errors = [line for line in asked.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        reason = errors[-1].strip()[:200] if errors else "no configured index has it"
        raise UnavailableError(f"pip did not find {filename} on the package index ({reason})")
    return list(dict.fromkeys(found))
