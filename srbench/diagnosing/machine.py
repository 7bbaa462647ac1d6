"""Look at the machine: threads, clock, other work, versions, codecs, optional packages, and the cache's disk."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import psutil
import torch
from filelock import Timeout
from packaging.requirements import Requirement

from srbench.errors import StoreError
from srbench.files import atomic_write, cache_root, locked
from srbench.profiling.machine import this_machine
from srbench.profiling.other_work import warning_of_load

State: TypeAlias = Literal["good", "note", "bad"]
_CGROUPS = Path("/sys/fs/cgroup")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_LEAST_DISK = 5 * 2**30
_LEAST_MEMORY = 2 * 2**30
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    """What was looked at, such as "threads"."""
    state: State
    """One of "good", "note", which is worth knowing, and "bad", which makes numbers wrong or commands fail."""
    about: str
    """What was found, and what to do about it."""


@dataclass(frozen=True, slots=True)
class MachineDiagnosis:
    """A machine, as this process sees it."""

    machine: str
    """Its processor, cores, memory and GPUs."""
    device: str
    """The device that was asked for."""
    checks: tuple[Check, ...]
    """What was looked at, in the order in which it is printed."""

    @property
    def bad(self) -> bool:
        """Whether something makes numbers wrong or commands fail."""
        return any(check.state == "bad" for check in self.checks)


def diagnose_machine(device: str = "cpu") -> MachineDiagnosis:
    """Look at this machine; writes two small files into the cache, and removes them."""
    checks = (
        *_threads(), *_governor(), *_load(device), *_memory(), *_torch(), *_fellows(), *_packages(), *_codecs(),
        *_cache(cache_root()),
    )  # fmt: skip
    return MachineDiagnosis(this_machine().name, device, checks)


def _threads() -> Iterator[Check]:
    threads, own = torch.get_num_threads(), this_machine().cores
    quota = _quota(_CGROUPS / "cpu.max")
    allowed = own if quota is None else min(own, quota)
    used = f"torch computes with {threads} threads on {allowed:g} cores"
    if threads > allowed:
        yield Check(
            "threads", "bad", f"{used}, so that they wait for one another; give --threads {max(1, int(allowed))}."
        )
    elif threads < int(allowed):
        yield Check("threads", "note", f"{used}; OMP_NUM_THREADS or --threads decides it.")
    else:
        yield Check("threads", "good", f"{used}.")


def _quota(file: Path) -> float | None:
    """Return the cores that a container may use; None for all."""
    try:
        part, _, period = file.read_text().partition(" ")
        return None if part == "max" else int(part) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _governor() -> Iterator[Check]:
    try:
        found = _GOVERNOR.read_text().strip()
    except OSError:
        yield Check("clock", "note", "How the clock of the processor is governed is not visible here.")
        return
    if found == "performance":
        yield Check("clock", "good", "The processor keeps its clock (governor performance).")
        return
    remedy = "`cpupower frequency-set -g performance` stops that"
    yield Check("clock", "note", f"The processor changes its clock (governor {found}), so that times vary; {remedy}.")


def _load(device: str) -> Iterator[Check]:
    busy = warning_of_load(device)
    yield Check("other work", "bad" if busy else "good", busy or "Nothing else of weight runs here.")


def _memory() -> Iterator[Check]:
    free = psutil.virtual_memory().available
    state: State = "good" if free >= _LEAST_MEMORY else "note"
    yield Check("memory", state, f"{free / _GIB:.1f} GiB are free.")


def _torch() -> Iterator[Check]:
    built, found = torch.version.cuda, torch.cuda.is_available()
    if not found and _nvidia():
        why = "was built without CUDA" if built is None else f"needs a driver for CUDA {built}"
        yield Check("torch", "bad", f"There is an NVIDIA GPU, and this torch {why}; install the build for your driver.")
    else:
        yield Check("torch", "good", f"torch {torch.__version__} computes on {'CUDA and ' * found}the CPU.")


def _fellows() -> Iterator[Check]:
    """Compare the torch that its companions were built for with the one that is here."""
    own = torch.__version__.partition("+")[0]
    for name in ("torchvision", "torchaudio"):
        for demand in _demands(name) if _installed(name) else ():
            if demand.name == "torch" and not demand.specifier.contains(own, prereleases=True):
                about = f"{name} was built for torch{demand.specifier} and fails with {own}; install both at once."
                yield Check(name, "bad", about)
            elif demand.name == "torch":
                yield Check(name, "good", f"{name} was built for this torch.")


def _nvidia() -> bool:
    program = shutil.which("nvidia-smi")
    return program is not None and subprocess.run([program, "-L"], capture_output=True, check=False).returncode == 0  # noqa: S603


def _packages() -> Iterator[Check]:
    """Compare what is installed with what srbench and each of its extras demand."""
    extras: dict[str, list[str]] = {}
    for demand in _demands("srbench"):
        found = _installed(demand.name)
        if found and demand.specifier.contains(found, prereleases=True):
            continue
        if demand.marker is None or demand.marker.evaluate({"extra": ""}):
            yield Check("packages", "bad", f"srbench needs {demand}; installed: {found or 'none'}.")
            continue
        own = f"{demand.name} {found}, not {demand.specifier}" if found else demand.name
        for extra in _EXTRAS:
            if demand.marker.evaluate({"extra": extra}):
                extras.setdefault(extra, []).append(own)
    for extra, missing in extras.items():
        remedy = f"`pip install 'srbench[{extra}]'` for {_EXTRAS[extra]}"
        yield Check("packages", "note", f"Not here: {', '.join(missing)}; {remedy}.")
    if not extras:
        yield Check("packages", "good", "Every optional package is installed.")


def _demands(name: str) -> Iterator[Requirement]:
    yield from map(Requirement, importlib.metadata.requires(name) or ())


def _installed(name: str) -> str:
    """Return the version of a package; empty if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


_EXTRAS = {
    "perceptual": "LPIPS and the metrics of pyiqa",
    "checkpoints": "networks that spandrel knows",
    "report": "plots",
    "tracking": "TensorBoard and Trackio",
    "archives": "LMDB and Parquet",
    "hub": "the Hugging Face Hub",
    "recognition": "recognition",
    "onnx": "ONNX",
    "search": "searches by Optuna",
}
"""The extras that add something on one machine, with what they are for."""


def _codecs() -> Iterator[Check]:
    from PIL import features

    names = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "libtiff": "compressed TIFF"}
    missing = [name for feature, name in names.items() if not features.check(feature)]
    if missing:
        yield Check("codecs", "bad", f"This Pillow cannot read {', '.join(missing)}; install Pillow's own wheel.")
    else:
        yield Check("codecs", "good", "JPEG, PNG, WebP and TIFF are read.")
    ffmpeg = [name for name in ("ffmpeg", "ffprobe") if shutil.which(name) is None]
    if ffmpeg:
        yield Check("videos", "note", f"{' and '.join(ffmpeg)} cannot be found; only videos need it.")
    else:
        yield Check("videos", "good", "ffmpeg is here.")


def _cache(root: Path) -> Iterator[Check]:
    probe = root / f".doctor-{os.getpid()}"
    try:
        atomic_write(probe, b"")
        with locked(probe.with_suffix(".lock")):
            yield _locks(probe.with_suffix(".lock"), root)
    except (StoreError, OSError, NotImplementedError) as error:
        yield Check("cache", "bad", f"The cache {root} cannot be used: {error} SRBENCH_CACHE names another folder.")
        return
    finally:
        for file in (probe, probe.with_suffix(".lock")):
            with suppress(OSError):
                file.unlink(missing_ok=True)
    free = shutil.disk_usage(root).free
    remedy = "" if free >= _LEAST_DISK else " `srbench cache prune` deletes what is old."
    yield Check(
        "disk", "note" if remedy else "good", f"{free / _GIB:.1f} GiB are free on the disk of the cache.{remedy}"
    )


def _locks(file: Path, root: Path) -> Check:
    """Try to hold a lock a second time, which a disk that locks refuses."""
    try:
        with locked(file, timeout=0):
            why = "does not lock files, so that two runs may harm each other; name another with SRBENCH_CACHE"
            return Check("cache", "bad", f"The disk of the cache {root} {why}.")
    except Timeout:
        return Check("cache", "good", f"The cache {root} can be written, and its disk locks files.")
