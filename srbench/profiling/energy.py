"""The energy that work takes, from the counter of the processor (RAPL)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from srbench.errors import UnavailableError

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows the counters: one package of processors in each folder ``intel-rapl:N``."""


def energy_mj(run: Callable[[], object], seconds: float = 1.0) -> float:
    """Return the energy of a call in millijoules: that of the whole processor, idle power included.

    Args:
        run: The call; it is repeated for ``seconds``, and once at least.
        seconds: For how long. The counter is updated a thousand times a second.

    Raises:
        UnavailableError: The machine has no counter, or not for this user.
    """
    packages = sorted(path for path in POWERCAP.glob("intel-rapl:*") if path.name.count(":") == 1)
    if not packages:
        raise UnavailableError("this machine shows no counter of energy (RAPL)")
    before = [_microjoules(package) for package in packages]
    calls, ends = 0, time.perf_counter() + seconds
    while not calls or time.perf_counter() < ends:
        run()
        calls += 1
    used = sum(_used(package, start) for package, start in zip(packages, before, strict=True))
    return used / 1e3 / calls


def _used(package: Path, start: int) -> int:
    """Return the microjoules since ``start``; the counter begins again at its largest value."""
    now = _microjoules(package)
    return now - start if now >= start else now - start + int((package / "max_energy_range_uj").read_text())


def _microjoules(package: Path) -> int:
    try:
        return int((package / "energy_uj").read_text())
    except OSError as error:
        raise UnavailableError(f"the counter of energy cannot be read ({error.strerror})") from error
