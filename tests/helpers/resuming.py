"""Prove that a training which was killed ends with the same bits."""

import subprocess
import sys
from pathlib import Path

from helpers import TESTS


def assert_same_bits(folder: Path, method: str, sequences: list[str]) -> list[int]:
    """Train undisturbed and under every sequence of kills; see `helpers.killed_training`.

    Returns:
        The steps at which the last processes went on.
    """
    command = [sys.executable, "-W", "error", "-m", "helpers.killed_training", folder, method, *sequences]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS)
    assert done.returncode == 0, done.stderr[-2000:]
    whole = (folder / "whole" / "weights.safetensors").read_bytes()
    for number, sequence in enumerate(sequences):
        assert (folder / str(number) / "weights.safetensors").read_bytes() == whole, (
            f"differs when killed at {sequence}"
        )
    first, *others = map(int, done.stdout.split())
    assert first == 0
    return others
