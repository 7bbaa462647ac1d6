"""``srbench profile``: the costs of networks on this machine, without training or scoring any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import plain_console, warn
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import Device, PluginFiles, Scales, Threads, image_size, scales, words
from srbench.cli.tables import print_table, print_text
from srbench.running.places import resolve_device, use_threads

if TYPE_CHECKING:
    from srbench.benchmarking.profiles import Heard, ProfiledNetwork
    from srbench.records.costs import Profile
    from srbench.records.stored import Measured


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
        typer.Option(
            "--backend", help="Backends to time: eager-bf16, compile, onnxruntime-int8; see `srbench list runtimes`."
        ),
    ] = None,
    memory: Annotated[bool, typer.Option("--memory/--no-memory", help="Measure peak memory.")] = True,
    plugin: PluginFiles = None,
    device: Device = "cpu",
    threads: Threads = 0,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the figures here.")] = None,
    json: Json = False,
) -> None:
    """Measure parameters, MACs, latency and memory of networks.

    Nothing is trained or scored.

    Examples:
      srbench profile espcn fsrcnn --scale 2
      srbench profile 'edsr*' --output 1280x720 --csv costs.csv
    """
    from srbench.benchmarking.profiles import profile_networks
    from srbench.profiling.other_work import warning_of_load

    size, target = image_size("--output", output) if output else None, resolve_device(device)
    wanted, backends = scales(scale), words(backend)
    use_threads(threads)
    if warning := warning_of_load(target):
        warn(warning)
    with _progress() as heard:
        found = profile_networks(
            names, wanted, output=size, seconds=seconds, repeats=repeats, backends=backends, memory=memory,
            device=target, plugin_files=plugin or (), csv=csv, heard=heard,
        )  # fmt: skip
    if json:
        print_json("profile", found)
        return
    _print(found.networks, f"HR of {' and '.join(found.hr)} on {found.device}, {found.machine}")
    for reason in _reasons(found.networks):
        print_text(reason)


@contextmanager
def _progress() -> Iterator[Heard]:
    """Show what is measured: a bar in a terminal, else a line on standard error when something is done."""
    from rich.markup import escape
    from rich.progress import Progress

    console, done = plain_console(stderr=True), 0
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task("", total=None)

        def heard(total: int, title: str, costs: Profile | None) -> None:
            nonlocal done
            bars.update(bar, description=escape(title), total=total)
            if costs is not None:
                done += 1
                bars.advance(bar)
                if not console.is_terminal:
                    console.print(f"{done} of {total}: {title}: {_shown(costs.latency_ms_p50, 1, 1)} ms")

        yield heard


def _print(networks: Sequence[ProfiledNetwork], title: str) -> None:
    profiles = [own.profile for own in networks]
    chosen = any((found.backend, found.precision) != ("eager", "fp32") for found in profiles)
    small = any(found.macs_input_m is not None for found in profiles)
    tables = any(found.table_bytes for found in profiles)
    macs = "MACs M" if small else "MACs G"
    left_out = {*([] if chosen else ["runtime"]), *([] if tables else ["table KiB", "look-ups"])}
    rows = [
        {
            "network": own.name,
            "scale": f"x{own.scale}",
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
        for own, found in zip(networks, profiles, strict=True)
    ]
    heads = [head for head in rows[0] if head not in left_out]
    print_table(title, heads, [[row[head] for head in heads] for row in rows], right=heads[2:], long=True)


def _interval(found: Profile) -> str:
    low, high = found.latency_low_ms, found.latency_high_ms
    return "" if low is None or low == high else f"{low:,.0f} – {high:,.0f}"


def _shown(value: Measured | None, factor: float, decimals: int) -> str:
    return "—" if value is None or value.value is None else f"{value.value * factor:,.{decimals}f}"


def _reasons(networks: Sequence[ProfiledNetwork]) -> list[str]:
    """Return the reasons for empty cells, and what disturbed timings, each once, with its networks."""
    from srbench.profiling.sessions import NOT_ASKED

    held: dict[str, list[str]] = {}
    for own in networks:
        network = f"{own.name} x{own.scale}"
        for figure, measured in own.profile.figures.items():
            reason = measured.reason
            if reason and reason != NOT_ASKED.reason:
                held.setdefault(f"{figure}: {reason}", []).append(network)
        if own.profile.other_work:
            held.setdefault(f"timed while {own.profile.other_work}", []).append(network)
    return [f"{', '.join(where)}: {reason}" for reason, where in held.items()]
