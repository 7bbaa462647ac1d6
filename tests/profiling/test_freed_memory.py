"""Freed memory is kept while computing: seen in the pages that the system has to clear, which no clock decides."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")

PASSES = """
import contextlib, json, resource, sys
import torch
from srbench.profiling.freed_memory import freed_memory_kept

torch.set_num_threads(1)
MIB = 2**20

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / MIB

def cleared(passes, size=64 * MIB):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(passes):
        torch.ones(size // 4) + 1  # two blocks, both freed
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() / MIB / passes

with freed_memory_kept() if sys.argv[1] == "kept" else contextlib.nullcontext():
    cleared(20)  # alignment leaves gaps at first
    inside = cleared(8), resident()
left = resident()
cleared(20, 8 * MIB)
print(json.dumps([*inside, left, cleared(8, 8 * MIB)]))
"""


def measured(how: str, **variables: str) -> list[float]:
    """MiB cleared per pass, resident then, resident after leaving, and cleared per pass over smaller blocks then."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | variables
    said = subprocess.run(
        [sys.executable, "-c", PASSES, how], env=environment, check=True, capture_output=True, text=True
    )
    answer: list[float] = json.loads(said.stdout)
    return answer


def test_a_pass_uses_what_the_last_one_freed() -> None:
    plain, *_ = measured("plain")
    kept, inside, afterwards, _ = measured("kept")
    assert plain > 100  # of 128 MiB that a pass allocates
    assert kept < 1
    assert inside - afterwards > 100  # the system has it again


def test_afterwards_a_process_still_uses_what_its_last_pass_freed() -> None:
    # Of 16 MiB that a pass allocates, a process that never kept memory clears all each time; another may, once.
    assert any(measured("kept")[-1] < 4 for _ in range(3))


def test_glibc_s_own_variables_are_respected() -> None:
    cleared, *_ = measured("kept", MALLOC_TRIM_THRESHOLD_="131072")
    assert cleared > 100
