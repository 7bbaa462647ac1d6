"""Measure one network on the datasets of a suite, without training anything."""

from __future__ import annotations

import copy
import re
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias, Unpack

from torch import nn

from srbench.benchmarking.fingerprint import fingerprint
from srbench.benchmarking.results import Results
from srbench.benchmarking.run import carry_out
from srbench.benchmarking.schedules import lay_out, require_some_cell
from srbench.catalog.plugin import Plugin
from srbench.errors import UsageError
from srbench.files import cache_root
from srbench.networks.spec import ArchitectureSpec
from srbench.planning.axes import find_architecture
from srbench.planning.overrides import RunKeywords, RunOptions, scale_above_1
from srbench.planning.suite import Grid, Suite, load_suite
from srbench.report.reading import read_records
from srbench.running.cache import cache_in_use
from srbench.running.events import Listener, unheard
from srbench.running.session import Given, open_session
from srbench.running.store import results_lock
from srbench.scales import Scale
from srbench.tasks.table import task_named

AnyScale: TypeAlias = Scale | float | str


def evaluate(
    network: nn.Module | str,
    suite: str | Path = "classic",
    *,
    scale: AnyScale | Sequence[AnyScale] | None = None,
    name: str | None = None,
    channels: Literal["rgb", "y"] = "rgb",
    input_range: float = 1.0,
    size_multiple: int = 1,
    data: Path | str | None = None,
    results: Path | str | None = None,
    plugin_files: Iterable[Path | str] = (),
    weights_folders: Iterable[Path | str] = (),
    device: str = "cpu",
    threads: int = 0,
    listener: Listener = unheard,
    warn: Callable[[str], None] = warnings.warn,
    **options: Unpack[RunKeywords],
) -> Results:
    """Measure one network, as it is, wherever a suite measures networks; its reference is measured too.

    ``srbench.evaluate(my_net, "classic", scale=4, data="datasets")`` needs no plugin. What was measured before is taken
    from the cache: the key of a module hashes its weights, its settings and its code.

    Args:
        network: A module that maps lr (N, C, h, w) to sr, with its weights; or the name of published weights or of a
            fixed operator, such as "imdn.div2k" or "bicubic".
        suite: A shipped suite's name, or the path of a TOML file.
        scale: The factor by which a module enlarges; with several, it is called ``network(lr, scale)``. For a name, the
            scales to keep; default: all of the suite.
        name: Name of a module in tables; default: that of its class.
        channels: "y" for a module on luma, (N, 1, h, w); srbench enlarges the chroma bicubically.
        input_range: The value of white that the module expects and returns.
        size_multiple: What the sides of lr must divide by; srbench pads and crops.
        data: Folder with the datasets; default: that of the environment variable SRBENCH_DATA.
        results: Folder for leaderboards and records; none are written if absent.
        plugin_files: Single-file plugins to load beside those that are installed.
        weights_folders: Folders with published checkpoints; default: those of SRBENCH_WEIGHTS.
        device: "cpu", "cuda", "cuda:1", "mps", or "auto".
        threads: CPU threads for torch; 0 leaves the choice to torch.
        listener: Receives the events of the run.
        warn: Receives a sentence for each thing that is wrong and ends nothing.
        **options: As for `srbench.run`, such as ``datasets``, ``limit``, ``metrics``, ``self_ensemble``, ``profile``.

    Returns:
        The results; of a cell that could not be measured, ``cells`` has the reason.

    Raises:
        UsageError: A module has no scale, the name is taken, or a name means no weights.
        SrbenchError: Something cannot be read, found or planned, or every cell is impossible.
    """
    factors = () if scale is None else tuple(map(_scale, [scale] if _is_one(scale) else scale))  # type: ignore[arg-type]
    options.setdefault("scales", factors)
    chosen = RunOptions.of(**options)
    session = open_session(
        data=data, plugin_files=plugin_files, weights_folders=weights_folders, device=device, threads=threads, warn=warn
    )
    if isinstance(network, nn.Module):
        spec = _spec_of(network, name, factors, channels, input_range, size_multiple)
        if session.catalog.networks.offers(spec.name):
            raise UsageError(f"The name {spec.name} is taken by a plugin; give the module another with name=.")
        session = replace(session, given=Given(Plugin(spec.name, "python", specs=[("architecture", spec)])))
        called = spec.name
    else:
        called = network
        named = find_architecture(session.catalog, called)
        if named.spec.trainable and named.tag is None and not named.spec.extra_hash:
            raise UsageError(f"{called} has no weights; name published ones, or train it with srbench.run.")
    measured = _suite_of(load_suite(str(suite)), called, memory=isinstance(network, str))
    with cache_in_use(cache_root()), _folder(results) as folder:
        schedule = lay_out(measured, chosen, session, warn)
        require_some_cell(schedule)
        with results_lock(folder):
            outcome = carry_out(schedule, folder, session.catalog.executors["here"], 1, listener)
            if results is None:
                return Results(None, records=read_records(folder).records, outcome=outcome)
            made = Results(folder, outcome=outcome)
            made.report()
            return made


def _is_one(scale: object) -> bool:
    return isinstance(scale, str) or not isinstance(scale, Iterable)


def _scale(scale: AnyScale) -> Scale:
    return scale_above_1(str(scale))


def _spec_of(
    module: nn.Module, name: str | None, scales: Sequence[Scale], channels: Literal["rgb", "y"], input_range: float,
    size_multiple: int,
) -> ArchitectureSpec:  # fmt: skip
    """Declare a module, as a plugin would. It is copied where it is measured, so that it stays as it is."""
    if not scales:
        raise UsageError(f"{type(module).__name__} does not say by which factor it enlarges; give scale=2, or another.")
    label = name or type(module).__name__
    spelt = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", label), flags=re.ASCII).strip("_").lower()
    return ArchitectureSpec(
        name=spelt,
        label=label,
        build=lambda *_: copy.deepcopy(module),
        scales=frozenset(scales),
        multi_scale=len(scales) > 1,
        channels=channels,
        input_range=input_range,
        size_multiple=size_multiple,
        trainable=False,
        extra_hash=fingerprint(module),
    )


def _suite_of(suite: Suite, name: str, *, memory: bool) -> Suite:
    """Return a suite that measures a network in place of its own, where it has any beside the reference.

    Args:
        suite: The suite.
        name: The network, as suites name it.
        memory: Whether memory is measured too, by a process of its own, which has no module of this one.
    """
    reference = task_named(suite.task).reference
    has_own = any(set(grid.architectures) - {reference} for grid in suite.grid)
    grids = tuple(
        _grid_of(grid, name, reference) if set(grid.architectures) - {reference} or not has_own else grid
        for grid in suite.grid
    )
    profile = suite.profile if memory else suite.profile.model_copy(update={"memory": False})
    return suite.model_copy(update={"grid": grids, "profile": profile})


def _grid_of(grid: Grid, name: str, reference: str) -> Grid:
    kept = [reference] if reference in grid.architectures else []
    untrained = {"distillers": ("none",), "teacher": None, "teachers": (), "weights": (), "train_degradations": ()}
    architectures = tuple(dict.fromkeys([*kept, name]))
    return grid.model_copy(update=untrained | {"train_degradation": None, "architectures": architectures})


@contextmanager
def _folder(results: Path | str | None) -> Iterator[Path]:
    """Yield the results folder, or one that is deleted."""
    if results is not None:
        yield Path(results)
        return
    with tempfile.TemporaryDirectory(prefix="srbench-") as name:
        yield Path(name)
