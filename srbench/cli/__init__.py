"""The command line: parse, call, print; nothing else."""

from srbench.cli.app import main

__all__ = ["main"]
