"""Which machine measured: two timings are comparable only where this is the same."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

_HARDWARE = ("cpu", "architecture", "cores", "threads", "memory_gib", "gpus", "system")


@dataclass(frozen=True, slots=True)
class Machine:
    """Hardware, and the software that stood on it.

    Attributes:
        cpu: Model name.
        architecture: As ``x86_64``.
        cores: Logical processors that this process may use.
        threads: Threads that torch computes with.
        memory_gib: Main memory, rounded to GiB.
        gpus: Names of the CUDA devices.
        system: As ``Linux``.
        system_release: Kernel version.
        python: Python's version.
        torch: PyTorch's version.
    """

    cpu: str
    architecture: str
    cores: int
    threads: int
    memory_gib: int
    gpus: tuple[str, ...]
    system: str
    system_release: str
    python: str
    torch: str

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that stand for the hardware and the thread count.

        Versions are left out: what a new PyTorch does to the times is what one wants to compare.
        """
        facts = asdict(self)
        text = json.dumps({name: facts[name] for name in _HARDWARE}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """For people: processor, cores, memory, GPUs."""
        return ", ".join((self.cpu, f"{self.cores} cores", f"{self.memory_gib} GiB", *self.gpus))


def this_machine(threads: int = 0) -> Machine:
    """This machine as this process sees it now, or will when it computes with ``threads`` if that is not 0."""
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
        system_release=platform.release(),
        python=platform.python_version(),
        torch=torch.__version__,
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
