"""What other processes do on this machine, which makes timings longer than they would be."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

BUSY_CORES = 0.2
"""Cores that others may keep busy before it is said: a desktop in use takes about a tenth of one."""
_SHORTEST_SECONDS = 0.2
"""The system counts processor time in ticks of 10 ms, so that shorter moments say nothing."""


class OtherWork:
    """What others did while something was timed."""

    def __init__(self) -> None:
        """Begin: nothing is known yet."""
        self.sentence = ""
        """What they did, after "while"; empty for next to nothing: "other processes kept 1.4 of 2 cores busy"."""


@contextmanager
def other_work(device: str = "cpu") -> Iterator[OtherWork]:
    """Watch what other processes do meanwhile, on all cores, and on the accelerator if that is the ``device``.

    Workers of the same run are other processes too.
    """
    found = OtherWork()
    begun, all_before, own_before = time.monotonic(), _busy_seconds(), _own_seconds()
    try:
        yield found
    finally:
        seconds = time.monotonic() - begun
        others = (_busy_seconds() - all_before) - (_own_seconds() - own_before)
        busy = others / seconds if seconds >= _SHORTEST_SECONDS else 0.0
        parts = [f"other processes kept {busy:.1f} of {cores()} cores busy"] if busy >= BUSY_CORES else []
        if count := processes_on(device):
            parts.append(f"{count} other processes used the accelerator")
        found.sentence = " and ".join(parts)


def warning_of_load(device: str = "cpu") -> str:
    """Return a sentence on a machine that is busy before anything begins; empty for one that is not."""
    load, count = _load(), cores()
    parts = [f"the load is {load:.1f} on {count} cores"] if load >= max(count / 2, 1) else []
    if others := processes_on(device):
        parts.append(f"{others} other processes use the accelerator")
    return f"This machine is busy: {' and '.join(parts)}. Timings will be longer than they would be." if parts else ""


def cores() -> int:
    """Return the number of processors of this machine, for all processes together."""
    return os.cpu_count() or 1


def processes_on(device: str) -> int:
    """Return how many other processes compute on an NVIDIA accelerator; 0 for others, or if nobody can say."""
    kind, _, index = device.partition(":")
    if kind != "cuda":
        return 0
    query = ["nvidia-smi", "--query-compute-apps=pid", "--format=csv,noheader", f"--id={index or 0}"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, check=True, timeout=20).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return 0
    found = [int(line) for line in said.split() if line.isdecimal()]
    # A container numbers its processes otherwise than the driver, so this one may be there under another number.
    return len(found) - (os.getpid() in found or (_is_computing() and bool(found)))


def _is_computing() -> bool:
    import torch

    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _load() -> float:
    """Return how many processes wanted a core in the last minute, on average."""
    return float(psutil.getloadavg()[0])


def _busy_seconds() -> float:
    """Return the processor seconds that all processes took since the machine started, and those of its host."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # which are in user and nice already
    return float(sum(times) - idle - guests)


def _own_seconds() -> float:
    own = psutil.Process().cpu_times()
    return float(own.user + own.system + getattr(own, "children_user", 0.0) + getattr(own, "children_system", 0.0))
