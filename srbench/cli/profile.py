"""``srbench profile``: the costs of networks on this machine, without training or scoring any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import plain_console, warn
from srbench.cli.options import Device, PluginFiles, Scales, Threads, image_size, scales, words
from srbench.cli.tables import print_table, print_text
from srbench.errors import UsageError
from srbench.running.places import resolve_device
from srbench.scales import Scale, covering_lr_size, plain_scale

if TYPE_CHECKING:
    from srbench.networks.spec import ArchitectureSpec
    from srbench.records import Measured, Profile


def profile(
    names: Annotated[
        list[str],
        typer.Argument(help="Architectures and recognisers; wildcards such as 'edsr*' take all that match."),
    ],
    *,
    scale: Scales = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            help="Size of HR, width x height, in pixels, of which a network gets the scale-th part: 1280x720, for "
            "recognisers 112x112.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.01, help="Time to spend on timing each network.")] = 5.0,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Calls to time at least, however long.")] = 5,
    backend: Annotated[
        list[str] | None,
        typer.Option("--backend", help="Backends to time: eager, compile, onnxruntime, channels_last, eager-bf16 …"),
    ] = None,
    memory: Annotated[bool, typer.Option("--memory/--no-memory", help="Measure peak memory.")] = True,
    plugin: PluginFiles = None,
    device: Device = "cpu",
    threads: Threads = 0,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the figures here.")] = None,
) -> None:
    """Measure parameters, MACs, latency and memory of networks.

    Nothing is trained or scored.

    Examples:
      srbench profile espcn fsrcnn --scale 2
      srbench profile 'edsr*' --output 1280x720 --csv costs.csv
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.profiling.backends import parse_backend
    from srbench.profiling.freed_memory import freed_memory_kept
    from srbench.profiling.machine import this_machine
    from srbench.profiling.other_work import warning_of_load
    from srbench.profiling.profile import profile_network
    from srbench.profiling.settings import Profiling
    from srbench.tasks.table import task_of

    given = image_size("--output", output) if output else None
    target = resolve_device(device)
    catalog = load_catalog([path.resolve() for path in plugin or ()])
    if threads:
        import torch

        torch.set_num_threads(threads)
    wanted = scales(scale)
    backends = [parse_backend(name) for name in words(backend) or ("eager",)]
    tasks = [
        (name, factor, way)
        for name in catalog.networks.matching(names)
        for factor in _scales(catalog.networks[name], wanted)
        for way in backends
    ]
    if not tasks:
        factors = ", ".join(map(str, wanted))
        raise UsageError(f"None of {', '.join(names)} serves scale {factors}; `srbench show NAME` lists the scales.")
    files = [str(path.resolve()) for path in plugin or ()]
    profiles: list[tuple[str, Scale, Profile]] = []
    if warning := warning_of_load(target):
        warn(warning)
    with _progress(len(tasks)) as report:
        for name, factor, way in tasks:
            spec = catalog.networks[name]
            report(f"{name} x{factor} {way.name}", None)
            wide, tall = task_of(spec).profiled_hr
            height, width = covering_lr_size(given or (tall, wide), factor)
            profiling = Profiling(
                latency_height=height, latency_width=width, latency_seconds=seconds, latency_repeats=repeats,
                memory=memory and way == backends[0],
            )  # fmt: skip
            size = (height, width) if task_of(spec).one_size else None
            with freed_memory_kept():
                found = profile_network(spec, factor, profiling, target, files, way, size=size)
            profiles.append((name, factor, found))
            if csv is not None:
                _write(csv, profiles)  # after each, so that stopping loses nothing
            report(f"{name} x{factor} {way.name}", f"{_shown(found.latency_ms_p50, 1, 1)} ms")
    sizes = {given[::-1] if given else task_of(catalog.networks[name]).profiled_hr for name, _, _ in profiles}
    hr = " and ".join(f"{wide}x{tall}" for wide, tall in sorted(sizes, reverse=True))
    _print(profiles, f"HR of {hr} on {target}, {this_machine().name}")
    for reason in _reasons(profiles):
        print_text(reason)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, str | None], None]]:
    """Show what is measured: a bar in a terminal, else a line on standard error when something is done."""
    from rich.markup import escape
    from rich.progress import Progress

    console, done = plain_console(stderr=True), 0
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task("", total=total)

        def report(title: str, result: str | None) -> None:
            nonlocal done
            bars.update(bar, description=escape(title))
            if result is not None:
                done += 1
                bars.advance(bar)
                if not console.is_terminal:
                    console.print(f"{done} of {total}: {title}: {result}")

        yield report


def _scales(spec: ArchitectureSpec, wanted: Sequence[Scale]) -> list[Scale]:
    """Return the wanted scales of a network, or all at which it differs."""
    return [scale for scale in sorted(wanted) if spec.has_scale(scale)] if wanted else list(spec.distinct_scales)


def _print(profiles: Sequence[tuple[str, Scale, Profile]], title: str) -> None:
    chosen = any((found.backend, found.precision) != ("eager", "fp32") for _, _, found in profiles)
    small = any(found.macs_input_m is not None for _, _, found in profiles)
    tables = any(found.table_bytes for _, _, found in profiles)
    macs = "MACs M" if small else "MACs G"
    left_out = {*([] if chosen else ["runtime"]), *([] if tables else ["table KiB", "look-ups"])}
    rows = [
        {
            "network": name,
            "scale": f"x{scale}",
            "runtime": f"{found.backend}-{found.precision}",
            "params K": _shown(found.parameters_deployed, 1e-3, 1),
            macs: _shown(found.macs_input_m, 1, 2)
            if found.macs_input_m
            else _shown(found.macs_720p_g, 1e3 if small else 1, 2),
            "table KiB": _shown(found.table_bytes, 1 / 1024, 1),
            "look-ups": _shown(found.lookups_per_pixel, 1, 0),
            "ms": _shown(found.latency_ms_p50, 1, 1),
            "95 % interval": _interval(found),
            "MiB": _shown(found.peak_memory_mib, 1, 0),
        }
        for name, scale, found in profiles
    ]
    heads = [head for head in rows[0] if head not in left_out]
    print_table(title, heads, [[row[head] for head in heads] for row in rows], right=heads[2:], long=True)


def _interval(found: Profile) -> str:
    low, high = found.latency_low_ms, found.latency_high_ms
    return "" if low is None or low == high else f"{low:,.0f} – {high:,.0f}"


def _shown(value: Measured | None, factor: float, decimals: int) -> str:
    return "—" if value is None or value.value is None else f"{value.value * factor:,.{decimals}f}"


def _reasons(profiles: Sequence[tuple[str, Scale, Profile]]) -> list[str]:
    """Return the reasons for empty cells, and what disturbed timings, each once, with its networks."""
    from srbench.profiling.profile import NOT_ASKED

    held: dict[str, list[str]] = {}
    for name, scale, found in profiles:
        for figure, measured in found.figures.items():
            reason = measured.reason
            if reason and reason != NOT_ASKED.reason:
                held.setdefault(f"{figure}: {reason}", []).append(f"{name} x{scale}")
        if found.other_work:
            held.setdefault(f"timed while {found.other_work}", []).append(f"{name} x{scale}")
    return [f"{', '.join(where)}: {reason}" for reason, where in held.items()]


def _write(path: Path, profiles: Sequence[tuple[str, Scale, Profile]]) -> None:
    from srbench.report.formats import CsvRow, write_csv

    rows: list[CsvRow] = [
        {
            "architecture": name,
            "scale": plain_scale(scale),
            **{figure: measured.value for figure, measured in found.figures.items()},
            "latency_ms_low": found.latency_low_ms,
            "latency_ms_high": found.latency_high_ms,
            "backend": found.backend,
            "precision": found.precision,
            "latency_input": found.latency_input,
            "machine": found.machine,
            "other_work": found.other_work,
        }
        for name, scale, found in profiles
    ]
    write_csv(path, list(dict.fromkeys(name for row in rows for name in row)), rows)
