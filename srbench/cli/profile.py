"""``srbench profile``: the costs of networks on this machine, without training or scoring any."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import plain_console
from srbench.cli.options import Device, PluginFiles, Scales, Threads, resolve_device, scales, words
from srbench.errors import UsageError
from srbench.scales import Scale, covering_lr_size, plain_scale

if TYPE_CHECKING:
    from rich.table import Table

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
    """
    from rich.markup import escape
    from rich.progress import Progress

    from srbench.catalog.catalog import load_catalog
    from srbench.profiling.backends import parse_backend
    from srbench.profiling.freed_memory import freed_memory_kept
    from srbench.profiling.machine import this_machine
    from srbench.profiling.profile import profile_network
    from srbench.profiling.settings import Profiling
    from srbench.tasks.table import task_of

    given = _size(output) if output else None
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
    with Progress(console=plain_console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=len(tasks))
        for name, factor, way in tasks:
            progress.update(bar, description=escape(f"{name} x{factor} {way.name}"))
            spec = catalog.networks[name]
            wide, tall = given or task_of(spec).profiled_hr
            height, width = covering_lr_size((tall, wide), factor)
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
            progress.advance(bar)
    console = plain_console()
    sizes = {given or task_of(catalog.networks[name]).profiled_hr for name, _, _ in profiles}
    hr = " and ".join(f"{wide}x{tall}" for wide, tall in sorted(sizes, reverse=True))
    console.print(_table(profiles, f"HR of {hr} on {target}, {this_machine().name}"))
    for reason in _reasons(profiles):
        console.print(reason, style="dim")


def _scales(spec: ArchitectureSpec, wanted: Sequence[Scale]) -> list[Scale]:
    """Return the wanted scales of a network, or all at which it differs."""
    return [scale for scale in sorted(wanted) if spec.has_scale(scale)] if wanted else list(spec.distinct_scales)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if found is None:
        raise UsageError(f"--output {text} is not an image size; give width x height in pixels, such as 1280x720.")
    return int(found[1]), int(found[2])


def _table(profiles: Sequence[tuple[str, Scale, Profile]], title: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    table.add_column("network", overflow="fold", min_width=12)
    chosen = any((found.backend, found.precision) != ("eager", "fp32") for _, _, found in profiles)
    small = any(found.macs_input_m is not None for _, _, found in profiles)
    macs = "MACs M" if small else "MACs G"
    tables = any(found.table_bytes for _, _, found in profiles)
    of_tables = ("table KiB", "look-ups") if tables else ()
    runtime = ("runtime",) if chosen else ()
    for heading in ("", *runtime, "params K", macs, *of_tables, "ms", "95 % interval", "MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, scale, found in profiles:
        low, high = found.latency_low_ms, found.latency_high_ms
        table.add_row(
            name,
            f"x{scale}",
            *([f"{found.backend}-{found.precision}"] if chosen else []),
            _shown(found.parameters_deployed, 1e-3, 1),
            _shown(found.macs_input_m, 1, 2)
            if found.macs_input_m
            else _shown(found.macs_720p_g, 1e3 if small else 1, 2),
            *((_shown(found.table_bytes, 1 / 1024, 1), _shown(found.lookups_per_pixel, 1, 0)) if tables else ()),
            _shown(found.latency_ms_p50, 1, 1),
            "" if low is None or low == high else f"{low:,.0f} – {high:,.0f}",
            _shown(found.peak_memory_mib, 1, 0),
        )
    return table


def _shown(value: Measured | None, factor: float, decimals: int) -> str:
    return "—" if value is None or value.value is None else f"{value.value * factor:,.{decimals}f}"


def _reasons(profiles: Sequence[tuple[str, Scale, Profile]]) -> list[str]:
    """Return the reasons for empty cells, each once, with its networks."""
    from srbench.profiling.profile import NOT_ASKED

    held: dict[str, list[str]] = {}
    for name, scale, found in profiles:
        for figure, measured in found.figures.items():
            reason = measured.reason
            if reason and reason != NOT_ASKED.reason:
                held.setdefault(f"{figure}: {reason}", []).append(f"{name} x{scale}")
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
        }
        for name, scale, found in profiles
    ]
    write_csv(path, list(dict.fromkeys(name for row in rows for name in row)), rows)
