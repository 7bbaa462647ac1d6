"""How long a person waits for the commands that only tell something; each is a process of its own, files warm."""

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
            seconds("srbench --help", 0.4, environment, "--help"),
            seconds("srbench list, asking the plugins", 2.5, environment, "list", "--fresh"),
            seconds("srbench list, as remembered", 1.0, environment, "list"),
            beyond_torch(environment),
        ]


def seconds(what: str, limit: float, environment: dict[str, str], *words: str) -> Row:
    """The wall time of a command."""
    taken = []
    for _ in range(_REPEATS + 1):
        start = time.perf_counter()
        _call(environment, *_SRBENCH, *words)
        taken.append(time.perf_counter() - start)
    ratio = statistics.median(taken[1:])
    return Row(what, "a second", ratio, f"≤ {limit:g} seconds", ratio <= limit)


def beyond_torch(environment: dict[str, str]) -> Row:
    """Asking the plugins imports torch, which no plugin that holds a network can do without."""
    ratio = compare(
        lambda: _call(environment, *_TORCH),
        lambda: _call(environment, *_SRBENCH, "list", "--fresh"),
        repeats=_REPEATS,
    )
    return Row("srbench list, asking the plugins", "`import torch` alone", ratio, "≤ 1.5 times the time", ratio <= 1.5)


def _call(environment: dict[str, str], *words: str) -> None:
    subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
