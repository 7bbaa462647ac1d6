"""Describe the machine that measures; only timings of the same machine can be compared."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The hardware of a machine, and how many of its threads compute.

    Attributes:
        cpu: Model name.
        architecture: As ``x86_64``.
        cores: Logical processors that this process may use.
        threads: Threads that torch computes with.
        memory_gib: Main memory, rounded to GiB.
        gpus: Names of the CUDA devices.
        system: As ``Linux``.
    """

    cpu: str
    architecture: str
    cores: int
    threads: int
    memory_gib: int
    gpus: tuple[str, ...]
    system: str

    @property
    def id(self) -> str:
        """Return twelve hexadecimal digits that identify the hardware and the thread count.

        Versions are not part of it, so that times with different versions of PyTorch can be compared.
        """
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """Return a description for people: processor, cores, memory, GPUs."""
        return ", ".join((self.cpu, f"{self.cores} cores", f"{self.memory_gib} GiB", *self.gpus))


def this_machine(threads: int = 0) -> Machine:
    """Describe this machine as this process uses it, with ``threads`` instead of torch's number if that is not 0."""
    import torch

    gpus = tuple(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return Machine(
        cpu=_cpu_model(),
        architecture=platform.machine(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads=threads or torch.get_num_threads(),
        memory_gib=_memory_gib(),
        gpus=gpus,
        system=platform.system(),
    )


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        asked = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        if asked.stdout.strip():
            return asked.stdout.strip()
    return platform.processor() or platform.machine() or "unknown"


def _memory_gib() -> int:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 0
