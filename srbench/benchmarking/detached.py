"""Start a run in the background, and return when it is under way."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from srbench.errors import SrbenchError, UsageError
from srbench.files import cannot_write
from srbench.running.run_files import RunFiles
from srbench.running.session import command_line

FLAG = "--detach"
_LOOK_SECONDS = 0.1


def run_detached(results: Path) -> str:
    """Start this `srbench run` again in a process of its own, which no closed terminal ends.

    Args:
        results: Its folder, which gets what the run prints.

    Returns:
        A sentence on how to follow and stop it.

    Raises:
        UsageError: This process is not `srbench run`.
        SrbenchError: The run ended before its jobs began, for the reason that it printed.
        StoreError: The folder cannot be written.
    """
    words = [word for word in command_line()[1:] if word != FLAG]
    if not words:
        raise UsageError(f"{FLAG} starts the command srbench run again, and this is another program; call srbench.run.")
    files = RunFiles(results)
    try:
        files.folder.mkdir(parents=True, exist_ok=True)
        with files.output.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - the words of this very command
                [sys.executable, "-m", "srbench", *words],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
    except OSError as error:
        raise cannot_write(files.folder, error) from error
    threading.Thread(target=process.wait, daemon=True).start()  # where this process goes on, no zombie is left
    while (runner := files.runner()) is None or runner.pid != process.pid:
        if process.poll() is not None:
            return _ended(files, process.returncode)
        time.sleep(_LOOK_SECONDS)
    return (
        f"The run goes on in the background as process {process.pid}. srbench status {results} shows how far it is, "
        f"srbench cancel {results} stops it, and {files.output} has what it prints."
    )


def _ended(files: RunFiles, code: int) -> str:
    """Return what a run said that has ended before it began its jobs: it had none, or could not begin."""
    said = files.output.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["(nothing)"]
    if code:
        raise SrbenchError(said[-1].removeprefix("error: "))
    return said[-1]
