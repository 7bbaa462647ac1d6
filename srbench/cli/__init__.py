"""The command line: parse, call, print; nothing else."""

from __future__ import annotations

import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C ends it without a traceback even while its modules are imported."""
    try:
        from srbench.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped before anything was done.\n")
        sys.exit(128 + signal.SIGINT)
    run()
