"""Prove that trainings which were killed end with the same bits."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from helpers import TESTS


def assert_same_bits(folder: Path, trainings: Mapping[str, list[str]]) -> dict[str, list[int]]:
    """Train undisturbed and under every sequence of kills, in children of one process; see `helpers.killed_training`.

    Args:
        folder: An empty one.
        trainings: Sequences of kills by the method that is trained under them.

    Returns:
        The steps at which the last processes went on, by method.
    """
    words = [f"{method}={kills}" for method, sequences in trainings.items() for kills in ("whole", *sequences)]
    command = [sys.executable, "-W", "error", "-m", "helpers.killed_training", folder, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS)
    assert done.returncode == 0, done.stderr[-2000:]
    resumed_at: dict[str, list[int]] = {}
    for number, (word, step) in enumerate(zip(words, map(int, done.stdout.split()), strict=True)):
        method, _, kills = word.partition("=")
        weights = (folder / str(number) / "weights.safetensors").read_bytes()
        if kills == "whole":
            whole = weights
            assert step == 0
            resumed_at[method] = []
        else:
            assert weights == whole, f"{method} differs when killed at {kills}"
            resumed_at[method].append(step)
    return resumed_at
