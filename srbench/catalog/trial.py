"""Load a new plugin file in a process of its own first: code that ends its process must not end srbench."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from srbench.catalog.loading import import_file, load_plugin
from srbench.catalog.plugin import Plugin
from srbench.catalog.trust import trusts_everything
from srbench.errors import PluginError, StoreError
from srbench.files import atomic_write, cache_root, sha256_of

_SURVIVED = "survived"


def import_tried_file(path: Path) -> Any:  # noqa: ANN401 - a module's attributes are its own
    """Import a file, after a trial in a process of its own unless this version of it had one.

    Raises:
        PluginError: The trial's process was ended, or the file is not Python.
    """
    if not trusts_everything() and (verdict := _verdict(path)) != _SURVIVED:
        raise PluginError(verdict)
    return import_file(path)


def _verdict(path: Path) -> str:
    """Return what a trial found; it is kept for this version of the file, of Python and of torch."""
    parts = sha256_of(path), sys.version, importlib.metadata.version("torch")
    note = cache_root() / "plugin_trials" / f"{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:32]}.txt"
    with suppress(OSError):
        return note.read_text(encoding="utf-8")
    verdict = _try(path)
    with suppress(StoreError):  # a cache that cannot be written only costs time
        atomic_write(note, verdict)
    return verdict


def _try(path: Path) -> str:
    done = subprocess.run(  # noqa: S603 - this Python, this module
        [sys.executable, "-P", "-m", __name__, str(path)],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    if done.stdout.endswith(_SURVIVED.encode()):
        return _SURVIVED
    end = signal.Signals(-done.returncode).name if done.returncode < 0 else f"exit status {done.returncode}"
    return f"it ends the whole process ({end}) when it is loaded; fix it or remove it."


def _main(path: Path) -> None:
    """Load the file, and say that it was survived; errors are for the process that asks."""
    with suppress(KeyboardInterrupt):
        load_plugin(Plugin(path.stem, "file", file=path), lambda: import_file(path))
    os.write(1, _SURVIVED.encode())
    os._exit(0)  # without the hooks that a plugin may have registered for the end


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
