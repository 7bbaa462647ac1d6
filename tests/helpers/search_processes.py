"""Search in children of this process; a script of tests/searching.

Usage: search_processes.py WHERE END WORDS... runs ``srbench search WORDS`` in the folder WHERE. If END is a number,
first in a child that ends itself while it trains a network of that width, then to the end; if it is "two", in two
children at the same time. Prints the exit statuses, negative for signals.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import optuna  # noqa: F401 - once here, not in every child
import torch

from srbench.cli import main


def child(words: list[str]) -> int:
    process = os.fork()
    if not process:
        with Path(f"out-{os.getpid()}.txt").open("w") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
            sys.argv = ["srbench", "search", *words]
            main()
    return process


def status_of(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def run(where: Path, end: str, words: list[str]) -> None:
    torch.set_num_threads(1)  # before any work, as a fork would lose other threads
    os.chdir(where)
    if end == "two":
        statuses = [status_of(process) for process in [child(words), child(words)]]
    else:
        ends = where / "end.txt"
        ends.write_text(end)
        os.environ["SRBENCH_TEST_END"] = str(ends)
        statuses = [status_of(child(words)), status_of(child(words))]
    sys.stdout.write(" ".join(map(str, statuses)))


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
