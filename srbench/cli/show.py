"""``srbench show``: everything that is known about one thing."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srbench.cli.console import plain_console
from srbench.cli.options import KindName, PluginFiles, Strict
from srbench.escaping import one_line
from srbench.scales import Scale, next_whole

if TYPE_CHECKING:
    from srbench.profiling.summary import Part

SHOWN = 12
"""Items of a long list that are printed."""


def show(
    name: Annotated[
        str, typer.Argument(help="Name of an architecture, a distiller, a degradation, a metric, a dataset …")
    ],
    *,
    kind: KindName = None,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
) -> None:
    """Show everything that is known about one thing.

    For a network: paper, licence, scales, checkpoints, scores that its authors report, modules and costs.
    """
    from rich.text import Text

    from srbench.catalog.catalog import NETWORKS, load_catalog
    from srbench.catalog.kinds import KINDS

    catalog = load_catalog(plugin or (), strict=strict_plugins)
    console = plain_console()
    for found in catalog.kinds_of(name, kind):
        shelf = catalog.shelf(found)
        console.print(
            Text.assemble((one_line(name), "bold"), one_line(f", {found}, from {shelf.provider(name).place}"))
        )
        _print_facts(console, shelf[name])
        if found in NETWORKS:
            console.print(f"  parameters: {_parameters(shelf[name])}")
            _print_modules(console, shelf[name])
        elif found == "dataset" and (layout := getattr(shelf[name].labels, "layout", None)):
            _print_list(console, "labels", _lines("labels", layout)[1:])
        elif found == "step":
            _print_list(console, "parameters", _step_parameters(shelf[name]))
        elif found == "degradation" and shelf[name].chain is not None:
            _print_list(console, "steps", _nested(shelf[name].chain))
    console.print(f"`srbench list {KINDS[found].plural}` shows its neighbours.")


def _parameters(spec: Any) -> str:  # noqa: ANN401 - the spec of a network; its module is imported late
    import torch

    from srbench.profiling.complexity import count_parameters

    counts = []
    for scale in spec.distinct_scales:
        with torch.device("meta"):  # shapes only: the largest network costs no memory
            counts.append((scale, count_parameters(spec.network(scale))))
    several = len(spec.scales) == len(counts)
    return ", ".join((f"x{scale} " if several else "") + f"{count:,}" for scale, count in counts)


def _print_modules(console: Any, spec: Any) -> None:  # noqa: ANN401 - a Console and the spec of a network
    from srbench.errors import UnavailableError
    from srbench.profiling.summary import summarise

    try:
        network = summarise(spec, min(spec.scales))
    except UnavailableError as reason:
        console.print(f"  modules: {reason}")
        return
    if not network.parts:
        return
    console.print(f"  modules at x{min(spec.scales)}, where a row counts all its repeats:")
    rows = [("module", "class", "output", "parameters", "MACs"), *_rows(network.parts, network.macs)]
    for line in _aligned(rows, left=2):
        console.print(f"    {line}")


def _aligned(rows: list[tuple[str, ...]], *, left: int) -> list[str]:
    """Return rows with their columns below one another; the first ``left`` ones begin at the same place."""
    rows = [tuple(map(one_line, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        .rstrip()
        for row in rows
    ]  # fmt: skip


def _rows(parts: Iterable[Part], macs: int, depth: int = 0) -> Iterator[tuple[str, ...]]:
    """Yield parts and their parts, deeper ones indented."""
    for part in parts:
        yield (
            "  " * depth + part.name,
            (f"{part.repeats} × " if part.repeats > 1 else "") + part.kind,
            "×".join(map(str, part.output or ())),
            f"{part.parameters:,}",
            f"{part.macs / max(macs, 1):.1%}",
        )
        yield from _rows(part.parts, macs, depth + 1)


def _print_facts(console: Any, spec: Any) -> None:  # noqa: ANN401 - a spec of any kind
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if field.name in ("name", "units") or callable(value) or value in (None, "", (), {}):
            continue
        lines = _lines(field.name, value)
        _print_list(console, field.name, lines[1:], lines[0])


def _print_list(console: Any, name: str, lines: list[str], first: str = "") -> None:  # noqa: ANN401 - a Console
    console.print(f"  {name}: {first}".rstrip())
    for line in lines:
        console.print(f"    {line}")


def _step_parameters(spec: Any) -> list[str]:  # noqa: ANN401 - a StepSpec; its module is imported late
    """Return every parameter with its default and its unit."""
    return [
        (name if default is inspect.Parameter.empty else f"{name} = {_typed(default)}")
        + f": {spec.units.get(name, '')}"
        for name, _, default in spec.parameters
    ] or ["none"]


def _typed(value: object) -> str:
    """Return a default in words, and a truth value as a chain's file has it."""
    return str(value).lower() if isinstance(value, bool) else _words(value)


def _nested(chain: Any, indent: str = "") -> list[str]:  # noqa: ANN401 - a Chain, or a step that holds others
    """Return the steps of a chain and of the steps in it, a line each."""
    lines = []
    for step in _steps_in(chain):
        plain = [(f.name, value) for f in dataclasses.fields(step) if not _steps_of(value := getattr(step, f.name))]
        facts = "; ".join(f"{name} {_words(value)}" for name, value in plain if value not in ((), None))
        lines += [f"{indent}{type(step).__name__}{': ' if facts else ''}{facts}", *_nested(step, f"{indent}  ")]
    return lines


def _steps_in(step: Any) -> list[Any]:  # noqa: ANN401 - as above
    return [inner for f in dataclasses.fields(step) for inner in _steps_of(getattr(step, f.name))]


def _steps_of(value: object) -> tuple[Any, ...]:
    """Return the steps in a field: one, several or none."""
    values = value if isinstance(value, tuple) else (value,)
    return values if values and all(map(dataclasses.is_dataclass, values)) else ()


def _lines(name: str, value: Any) -> list[str]:  # noqa: ANN401 - a fact of any type
    """Return a fact as a first line and the lines below it."""
    from pydantic import BaseModel

    if isinstance(value, BaseModel):
        return ["", *(f"{key} = {_words(fact)}" for key, fact in value if fact not in (None, "", ()))]
    if isinstance(value, Mapping):
        return ["", *(f"{key}: {_words(fact)}" for key, fact in value.items())]
    if isinstance(value, tuple) and dataclasses.is_dataclass(value[0]):
        more = [f"… and {len(value) - SHOWN} more"] if len(value) > SHOWN else []
        return [str(len(value)), *_table(value[:SHOWN]), *more]
    return [_scales(value) if name == "scales" else _words(value)]


def _scales(scales: frozenset[Scale]) -> str:
    first, last = min(scales), max(scales)
    if len(scales) > SHOWN and scales == set(range(next_whole(first), next_whole(last) + 1)):
        return f"x{first} to x{last}"
    return ", ".join(f"x{scale}" for scale in sorted(scales))


def _table(facts: tuple[Any, ...]) -> list[str]:
    """Return Checkpoint, Reported, ImageEntry or Download objects as lines of a table, without empty columns."""
    names = [f.name for f in dataclasses.fields(facts[0]) if any(map(_says, (getattr(x, f.name) for x in facts)))]
    cells = [tuple(_words(value) if _says(value := getattr(x, n)) else "" for n in names) for x in facts]
    return _aligned([tuple(names), *cells], left=len(names))


def _says(value: object) -> bool:
    return not callable(value) and value not in (None, "", (), frozenset())


def _words(value: Any) -> str:  # noqa: ANN401 - a fact of any type
    """Return a fact as it is written for people: "yes", "0.9, 0.999", "l1 1.0"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if dataclasses.is_dataclass(value):
        facts = [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
        return "; ".join(f"{name} {_words(fact)}" for name, fact in facts if _says(fact))
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(fact)}" for key, fact in value.items()) or "none"
    if isinstance(value, frozenset):
        value = sorted(value)
    if isinstance(value, tuple | list):
        nested = any(isinstance(part, tuple | list) for part in value)
        return ("; " if nested else ", ").join(map(_words, value)) or "none"
    return "none" if value is None else str(value)
