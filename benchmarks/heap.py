"""The gain from keeping freed memory: two processes do the same work in turns, one with glibc's defaults.

The last row asks what keeping leaves behind: a training outside of it, after a large image was computed inside.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.rows import Row, compare

_PROCESS = """
import contextlib, sys
import torch
from srbench.catalog.catalog import load_catalog
from srbench.profiling.freed_memory import freed_memory_kept

how, work, name = sys.argv[1:]
network = load_catalog().architectures[name].network(2).to(memory_format=torch.channels_last)
lr = torch.rand(1, 3, 360, 640) if work == "pass" else torch.rand(16, 3, 48, 48)
optimizer = torch.optim.Adam(network.parameters())

def enlarge(lr):
    with torch.inference_mode():
        return network(lr)

def once():
    if work == "pass":
        return enlarge(lr)
    optimizer.zero_grad()
    network(lr).mean().backward()
    optimizer.step()

def keeping(wanted):
    return freed_memory_kept() if wanted else contextlib.nullcontext()

if work == "step after a pass":
    with keeping(how == "kept"):
        enlarge(torch.rand(1, 3, 360, 640))
with keeping(how == "kept" and work != "step after a pass"):
    for _ in sys.stdin:
        once()
        print(flush=True)
"""


def rows() -> list[Row]:
    """Every comparison of this file."""
    return [
        kept("a pass over 640x360 of RLFN x2", "pass", "rlfn", 1.2),
        kept("a pass over 640x360 of EDSR-baseline x2", "pass", "edsr_baseline", 1.1),
        kept("a training step of EDSR-baseline x2", "step", "edsr_baseline", 1.0),
        kept("a step of SwinIR-small after a pass that kept memory", "step after a pass", "swinir_small", 0.95),
    ]


def kept(what: str, work: str, name: str, least: float) -> Row:
    """Compare the work of one network with and without kept memory."""
    with process("kept", work, name) as ours, process("returned", work, name) as plain:
        ratio = compare(lambda: once(ours), lambda: once(plain), repeats=7)
    return Row(what, "freed memory returned", ratio, f"≥ {least:g} (times as fast)", ratio >= least)


@contextmanager
def process(how: str, work: str, name: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that does its work once for every line on its input."""
    words = [sys.executable, "-c", _PROCESS, how, work, name]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        yield child
        child.communicate()


def once(child: subprocess.Popen[str]) -> None:
    """Let the process do its work once, and wait for it."""
    if child.stdin is None or child.stdout is None:
        raise ValueError("the process must have pipes")
    child.stdin.write("\n")
    child.stdin.flush()
    if not child.stdout.readline():
        raise RuntimeError("the process ended early")
