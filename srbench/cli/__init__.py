"""The command line: parse, call, print; nothing else."""

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C at any time ends it without a traceback."""
    try:  # around every import, since each is a moment at which Ctrl-C may come
        from srbench.cli.app import main as run

        run()
    except KeyboardInterrupt:  # before a command runs, or after it
        import sys

        sys.stderr.write("\nStopped.\n")
        sys.exit(130)
