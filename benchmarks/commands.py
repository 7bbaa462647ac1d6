"""The time of commands that only print something, each in a new process with warm files."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rows import Row, compare

_REPEATS = 5
_SRBENCH = (str(Path(sys.executable).with_name("srbench")),)
_TORCH = (sys.executable, "-c", "import torch")


def rows() -> list[Row]:
    """Every comparison of this file."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"SRBENCH_CACHE": cache}
        return [
            against_torch("srbench --help", 0.06, environment, "--help"),
            seconds("srbench list, asking the plugins", 2.5, environment, "list", "--fresh"),
            seconds("srbench list, from the cache", 1.0, environment, "list"),
            against_torch("srbench list, asking the plugins", 1.5, environment, "list", "--fresh"),
        ]


def seconds(what: str, limit: float, environment: dict[str, str], *words: str) -> Row:
    """Measure the wall time of a command."""
    taken = []
    for _ in range(_REPEATS + 1):
        start = time.perf_counter()
        _call(environment, *_SRBENCH, *words)
        taken.append(time.perf_counter() - start)
    ratio = statistics.median(taken[1:])
    return Row(what, "a second", ratio, f"≤ {limit:g} seconds", ratio <= limit)


def against_torch(what: str, limit: float, environment: dict[str, str], *words: str) -> Row:
    """Measure the time of a command relative to importing torch.

    Asking the plugins imports torch, which every plugin with a network needs. The help must not; most of its time goes
    into the libraries that parse and print the options.
    """
    ratio = compare(
        lambda: _call(environment, *_TORCH), lambda: _call(environment, *_SRBENCH, *words), repeats=_REPEATS
    )
    return Row(what, "`import torch` alone", ratio, f"≤ {limit:g} times the time", ratio <= limit)


def _call(environment: dict[str, str], *words: str) -> None:
    subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
