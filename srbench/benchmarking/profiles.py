"""Measure the costs of networks on this machine, without training or scoring any."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from srbench.catalog.catalog import Catalog, load_catalog
from srbench.catalog.executors import Needs
from srbench.deploying.backend import Backend, parse_backend
from srbench.deploying.spec import Opened, ToOpen
from srbench.errors import UnavailableError, UsageError, text_of
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.freed_memory import freed_memory_kept
from srbench.profiling.machine import this_machine
from srbench.profiling.profile import profile_network
from srbench.profiling.settings import Profiling
from srbench.records.costs import Profile
from srbench.report.formats import CsvRow, write_csv
from srbench.running.runner import APART, is_script
from srbench.scales import Scale, Sides, covering_lr_size, plain_scale
from srbench.tasks.table import task_of


@dataclass(frozen=True, slots=True)
class ProfiledNetwork:
    """The costs of a network at one scale with one backend."""

    name: str
    """The name of the network."""
    scale: Scale
    """The scale."""
    profile: Profile
    """Its costs; a figure that could not be measured has a reason."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """The costs of networks on this machine."""

    device: str
    """The device that timed them."""
    machine: str
    """This machine for people: processor, cores, memory."""
    hr: tuple[str, ...]
    """The sizes of HR, width x height in pixels; a network got the scale-th part of one of them."""
    networks: tuple[ProfiledNetwork, ...]
    """The networks, in the order in which they were measured."""


Heard = Callable[[int, str, Profile | None], None]
"""Hears what is measured: the number of measurements, a title, and the costs when they are known."""


def profile_networks(
    names: Sequence[str], scales: Sequence[Scale], *, output: Sides | None, seconds: float, repeats: int,
    backends: Sequence[str], memory: bool, device: str, plugin_files: Sequence[Path], csv: Path | None, heard: Heard,
) -> Profiles:  # fmt: skip
    """Measure parameters, MACs, latency and memory of networks.

    Args:
        names: Names of architectures and recognisers, or wildcards.
        scales: The scales; of each network all at which it differs, if empty.
        output: Height and width of HR in pixels; None for the usual size of a network's task.
        seconds: The time to spend on timing each network.
        repeats: Calls to time at least.
        backends: Names of backends.
        memory: Whether to measure peak memory.
        device: The device to time on.
        plugin_files: Plugin files beside those that are found.
        csv: A file for the figures, written after each network, so that stopping loses nothing.
        heard: Hears each measurement when it begins and when it ends.

    Raises:
        UsageError: No network has one of the scales.
        UnknownNameError: A name or a backend is unknown.
    """
    files = tuple(path.resolve() for path in plugin_files)
    _catalog.cache_clear()  # files may have changed since an earlier call
    catalog = _catalog(files)
    ways: list[Backend | None] = [parse_backend(name, tuple(catalog.runtimes)) for name in backends] or [None]
    tasks = [
        (catalog.networks[name], scale, way)
        for name in catalog.networks.matching(names)
        for scale in _scales(catalog.networks[name], scales)
        for way in ways
    ]
    if not tasks:
        wanted = ", ".join(map(str, scales))
        raise UsageError(f"None of {', '.join(names)} serves scale {wanted}; `srbench show NAME` lists the scales.")
    found: list[ProfiledNetwork] = []
    with _apart(catalog) as executor:
        for spec, scale, way in tasks:
            title = f"{spec.name} x{scale}" + (f" {way.name}" if way else "")
            heard(len(tasks), title, None)
            height, width = covering_lr_size(output or _usual_hr(spec), scale)
            settings = Profiling(
                latency_height=height, latency_width=width, latency_seconds=seconds, latency_repeats=repeats,
                memory=memory and way == ways[0],
            )  # fmt: skip
            size = (height, width) if task_of(spec).one_size else None
            measure = partial(_profile, spec.name, scale, settings, device, files, torch.get_num_threads(), way, size)
            try:
                costs = executor.submit(measure).result() if way and not is_script() else measure()
            except BrokenExecutor as error:  # by a fault in the library of a runtime
                costs = measure(f"Its process died: {text_of(error)}.")
            found.append(ProfiledNetwork(spec.name, scale, costs))
            if csv is not None:
                _write(csv, found)
            heard(len(tasks), title, costs)
    sizes = {output or _usual_hr(spec) for spec, _, _ in tasks}
    hr = tuple(f"{width}x{height}" for height, width in sorted(sizes, key=lambda sides: sides[::-1], reverse=True))
    return Profiles(device, this_machine().name, hr, tuple(found))


@contextmanager
def _apart(catalog: Catalog) -> Iterator[Executor]:
    """Make the executor of backends, whose worker starts with its first job."""
    executor = catalog.executors[APART].make(1, Needs())
    try:
        yield executor
    except BaseException:
        executor.shutdown(cancel_futures=True)
        raise
    executor.shutdown()


def _profile(
    name: str, scale: Scale, settings: Profiling, device: str, files: tuple[Path, ...], threads: int,
    way: Backend | None, size: tuple[int, int] | None, fault: str = "",
) -> Profile:  # fmt: skip
    """Measure a network, in any process; with a ``fault`` of its backend, all but what that gives."""
    torch.set_num_threads(threads)
    catalog = _catalog(files)
    runtime = catalog.runtimes[way.runtime] if way else None
    if runtime and fault:
        runtime = replace(runtime, onnx={}, open=partial(_refuse, fault))
    with freed_memory_kept():
        return profile_network(
            catalog.networks[name], scale, settings, device, list(map(str, files)), backend=way, runtime=runtime,
            size=size,
        )  # fmt: skip


def _refuse(fault: str, given: ToOpen) -> Opened:  # noqa: ARG001
    raise UnavailableError(fault)


@functools.lru_cache(maxsize=1)
def _catalog(files: tuple[Path, ...]) -> Catalog:
    return load_catalog(files)


def _usual_hr(spec: ArchitectureSpec) -> Sides:
    width, height = task_of(spec).profiled_hr
    return height, width


def _scales(spec: ArchitectureSpec, wanted: Sequence[Scale]) -> list[Scale]:
    """Return the wanted scales of a network, or all at which it differs."""
    return [scale for scale in sorted(wanted) if spec.has_scale(scale)] if wanted else list(spec.distinct_scales)


def _write(path: Path, networks: Sequence[ProfiledNetwork]) -> None:
    rows: list[CsvRow] = [
        {
            "architecture": own.name,
            "scale": plain_scale(own.scale),
            **{figure: measured.value for figure, measured in own.profile.figures.items()},
            "latency_ms_low": own.profile.latency_low_ms,
            "latency_ms_high": own.profile.latency_high_ms,
            "backend": own.profile.backend,
            "precision": own.profile.precision,
            "latency_input": own.profile.latency_input,
            "machine": own.profile.machine,
            "other_work": own.profile.other_work,
        }
        for own in networks
    ]
    write_csv(path, list(dict.fromkeys(name for row in rows for name in row)), rows)
