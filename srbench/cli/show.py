"""``srbench show``: everything that is known about one thing."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srbench.cli.console import plain_console
from srbench.cli.facts import print_facts, print_list, print_model, words
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import KindName, PluginFiles, Strict
from srbench.cli.tables import print_table, print_text

if TYPE_CHECKING:
    from srbench.benchmarking.shown import Shown
    from srbench.catalog.thing_facts import Thing
    from srbench.profiling.network_facts import NetworkFacts
    from srbench.profiling.summary import Part
    from srbench.running.suite_facts import SuiteFacts


def show(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of an architecture, a distiller, a metric, a dataset, a suite, a recipe …, or a row of results: "
            "results#edsr_small."
        ),
    ],
    *,
    kind: KindName = None,
    long: Annotated[bool, typer.Option("--long", "-l", help="Show facts that have their default too.")] = False,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    json: Json = False,
) -> None:
    """Show everything that is known about one thing.

    For a network: paper, licence, scales, checkpoints, scores that its authors report, modules and costs. For a suite:
    its models, the number of cells and trainings, and how long they take from the beginning. For a row of a results
    folder, named by its method or by the first digits of its key: its scores, and all that made them.

    Examples:
      srbench show edsr_baseline
      srbench show results#edsr_small
      srbench show quick --kind suite
      srbench show my_suite.toml
    """
    from srbench.benchmarking.shown import find

    shown = find(name, kind, plugin or (), strict=strict_plugins)
    if json:
        print_json("show", shown)
    else:
        _print(shown, long=long)


def _print(shown: Shown, *, long: bool) -> None:
    from srbench.catalog.kinds import KINDS
    from srbench.cli.row import print_row

    if shown.row is not None:
        print_row(shown.name, shown.row, long=long)
        return
    kinds = []
    if shown.suite is not None:
        _print_suite(shown.suite)
        kinds.append("suites")
    if shown.recipe is not None:
        print_model(f"{shown.name}, recipe", shown.recipe, long=long, indent=0)
        kinds.append("recipes")
    for thing in shown.things:
        print_text(f"{thing.name}, {thing.kind}, from {thing.provider}")
        print_facts(thing.facts, long=long)
        _print_own(thing, shown.network)
        kinds.append(KINDS[thing.kind].plural)
    plain_console().print(f"`srbench list {kinds[-1]}` shows its neighbours.")


def _print_suite(suite: SuiteFacts) -> None:
    """Print the models of a suite with their recipes, and what it costs if nothing is cached."""
    from srbench.running.estimate import in_words

    print_text(f"{suite.name}, suite:")
    for key in ("about", "task", "protocol", "metrics", "seeds"):
        if value := words(getattr(suite, key)):
            print_text(f"{key}: {value}", 2)
    print_text(
        f"cost: {suite.cells} cells, {suite.trainings} trainings; from the beginning, training takes about "
        f"{in_words(suite.training_seconds)} and measuring {in_words(suite.measuring_seconds)} on this machine",
        2,
    )
    print_text("models:", 2)
    rows = [
        (
            " · ".join((own.title, *own.drawn)),
            own.recipe,
            *(", ".join(map(str, facts)) for facts in (own.seeds, own.degradations, own.datasets)),
        )
        for own in suite.models
    ]
    print_table("", ("model", "recipe", "seeds", "degradations", "datasets"), rows, breakable=True, indent=4)


def _print_own(thing: Thing, network: NetworkFacts | None) -> None:
    """Print what only things of one kind have."""
    from srbench.catalog.catalog import NETWORKS

    spec = thing.facts
    if thing.kind in NETWORKS and network is not None:
        counts = [(f"x{at.scale} ", f"{at.parameters:,}") for at in network.parameters]
        print_text(f"parameters: {', '.join(('' if network.one_for_all else at) + count for at, count in counts)}", 2)
        _print_modules(network)
    elif thing.kind == "dataset" and (layout := getattr(spec.labels, "layout", None)):
        print_model("labels", layout, long=True)
    elif thing.kind == "step":
        print_list("parameters", _step_parameters(spec))
    elif thing.kind == "degradation" and spec.chain is not None:
        print_list("steps", _nested(spec.chain))


def _print_modules(network: NetworkFacts) -> None:
    modules = network.modules
    if modules is None:
        print_text(f"modules: {network.reason}", 2)
    elif modules.parts:
        print_text(f"modules at x{network.scale}, where a row counts all its repeats:", 2)
        total = ("total", "", "", f"{modules.parameters:,}", f"{modules.macs / 1e6:,.1f} M")
        rows = [*_rows(modules.parts, modules.macs), total]
        heads = ("module", "class", "output", "parameters", "MACs")
        print_table("", heads, rows, right=heads[2:], indent=4)


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


def _step_parameters(spec: Any) -> list[str]:  # noqa: ANN401 - a StepSpec; its module is imported late
    """Return every parameter with its default and its unit."""
    return [
        (name if default is inspect.Parameter.empty else f"{name} = {_typed(default)}")
        + f": {spec.units.get(name, '')}"
        for name, _, default in spec.parameters
    ] or ["none"]


def _typed(value: object) -> str:
    """Return a default in words, and a truth value as a chain's file has it."""
    return str(value).lower() if isinstance(value, bool) else words(value)


def _nested(chain: Any, indent: str = "") -> list[str]:  # noqa: ANN401 - a Chain, or a step that holds others
    """Return the steps of a chain and of the steps in it, a line each."""
    lines = []
    for step in _steps_in(chain):
        plain = [(f.name, value) for f in dataclasses.fields(step) if not _steps_of(value := getattr(step, f.name))]
        facts = "; ".join(f"{name} {words(value)}" for name, value in plain if value not in ((), None))
        lines += [f"{indent}{type(step).__name__}{': ' if facts else ''}{facts}", *_nested(step, f"{indent}  ")]
    return lines


def _steps_in(step: Any) -> list[Any]:  # noqa: ANN401 - as above
    return [inner for f in dataclasses.fields(step) for inner in _steps_of(getattr(step, f.name))]


def _steps_of(value: object) -> tuple[Any, ...]:
    """Return the steps in a field: one, several or none."""
    values = value if isinstance(value, tuple) else (value,)
    return values if values and all(map(dataclasses.is_dataclass, values)) else ()
