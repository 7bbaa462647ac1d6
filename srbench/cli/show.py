"""``srbench show``: everything that is known about one thing."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srbench.cli.console import plain_console
from srbench.cli.facts import print_facts, print_list, print_model, words
from srbench.cli.options import KindName, PluginFiles, Strict
from srbench.cli.tables import print_table, print_text

if TYPE_CHECKING:
    from srbench.catalog.catalog import Catalog
    from srbench.planning.cells import Plan
    from srbench.profiling.summary import Part


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
    from srbench.catalog.catalog import load_catalog
    from srbench.catalog.kinds import KINDS
    from srbench.cli.row import print_row
    from srbench.report.rows import names_a_row

    if kind is None and names_a_row(name):
        print_row(name, long=long)
        return
    files = [found for found in ("suite", "recipe") if kind in (None, found) and _is_file_of(found, name)]
    catalog = load_catalog(plugin or (), strict=strict_plugins)
    console = plain_console()
    if "suite" in files:
        _print_suite(name, catalog)
    if "recipe" in files:
        _print_recipe(name, long=long)
    if files and (kind is not None or not any(catalog.shelf(each).offers(name) for each in KINDS)):
        console.print(f"`srbench list {files[-1]}s` shows its neighbours.")
        return
    for found in catalog.kinds_of(name, kind):
        shelf = catalog.shelf(found)
        print_text(f"{name}, {found}, from {shelf.provider(name).place}")
        print_facts(shelf[name], long=long)
        _print_own(found, shelf[name])
    console.print(f"`srbench list {KINDS[found].plural}` shows its neighbours.")


def _is_file_of(kind: str, name: str) -> bool:
    """Whether a suite or a recipe has this name, or this file is one: only suites have grids."""
    from srbench.files import shipped_tables
    from srbench.toml import read_toml

    if name.endswith(".toml") and Path(name).is_file():
        return (kind == "suite") == ("grid" in read_toml(Path(name)).data)
    return name in shipped_tables(f"{kind}s")


def _print_suite(name: str, catalog: Catalog) -> None:
    """Print the models of a suite with their recipes, and what it costs if nothing is cached."""
    from srbench.files import cache_root
    from srbench.planning.overrides import RunOptions
    from srbench.planning.plan import make_plan
    from srbench.planning.suite import load_suite
    from srbench.running.estimate import Estimator, in_words
    from srbench.running.jobs import MeasureJob, TrainJob
    from srbench.running.session import Session

    suite = load_suite(name)
    plan = make_plan(suite, catalog, RunOptions())
    print_text(f"{name}, suite:")
    for key in ("about", "task", "protocol", "metrics", "seeds"):
        if value := words(getattr(suite, key)):
            print_text(f"{key}: {value}", 2)
    estimator = Estimator(Session(cache=cache_root()))
    trained = [model for model in plan.models if model.source == "trained"]
    training = sum(estimator.seconds(TrainJob(model)) for model in trained)
    measuring = sum(estimator.seconds(MeasureJob(cell)) for cell in plan.cells)
    print_text(
        f"cost: {len(plan.cells)} cells, {len(trained)} trainings; from the beginning, training takes about "
        f"{in_words(training)} and measuring {in_words(measuring)} on this machine",
        2,
    )
    print_text("models:", 2)
    heads = ("model", "recipe", "seeds", "degradations", "datasets")
    print_table("", heads, _models(plan), breakable=True, indent=4)


def _models(plan: Plan) -> list[tuple[str, ...]]:
    """Return a row for the models that differ only in their seeds; those that only teach have no datasets."""
    rows: dict[tuple[str, str], tuple[dict[str, None], dict[str, None], dict[str, None]]] = {}

    def row(model: Any) -> tuple[dict[str, None], dict[str, None], dict[str, None]]:  # noqa: ANN401 - a Model
        key = (model.title_without_seed, model.recipe.name if model.recipe else model.source)
        return rows.setdefault(key, ({}, {}, {}))

    for model in plan.models:
        if model.source == "trained":
            row(model)[0][str(model.seed)] = None
    for cell in plan.cells:
        _, degradations, datasets = row(cell.model)
        degradations[cell.degradation] = None
        datasets[cell.dataset] = None
    return [(title, recipe, *map(", ".join, facts)) for (title, recipe), facts in rows.items()]


def _print_recipe(name: str, *, long: bool) -> None:
    from srbench.planning.recipes import recipe_named

    recipe = recipe_named(name)
    print_model(f"{name}, recipe", recipe, long=long, indent=0)


def _print_own(kind: str, spec: Any) -> None:  # noqa: ANN401 - a spec of any kind
    """Print what only things of one kind have."""
    from srbench.catalog.catalog import NETWORKS

    if kind in NETWORKS:
        print_text(f"parameters: {_parameters(spec)}", 2)
        _print_modules(spec)
    elif kind == "dataset" and (layout := getattr(spec.labels, "layout", None)):
        print_model("labels", layout, long=True)
    elif kind == "step":
        print_list("parameters", _step_parameters(spec))
    elif kind == "degradation" and spec.chain is not None:
        print_list("steps", _nested(spec.chain))


def _parameters(spec: Any) -> str:  # noqa: ANN401 - the spec of a network; its module is imported late
    import torch

    from srbench.profiling.complexity import count_parameters

    counts = []
    for scale in spec.distinct_scales:
        with torch.device("meta"):  # shapes only: the largest network costs no memory
            counts.append((scale, count_parameters(spec.network(scale))))
    several = len(spec.scales) == len(counts)
    return ", ".join((f"x{scale} " if several else "") + f"{count:,}" for scale, count in counts)


def _print_modules(spec: Any) -> None:  # noqa: ANN401 - the spec of a network
    from srbench.errors import UnavailableError
    from srbench.profiling.summary import summarise

    scale = min(spec.scales)
    try:
        network = summarise(spec, scale)
    except UnavailableError as reason:
        print_text(f"modules: {reason}", 2)
        return
    if network.parts:
        print_text(f"modules at x{scale}, where a row counts all its repeats:", 2)
        total = ("total", "", "", f"{network.parameters:,}", f"{network.macs / 1e6:,.1f} M")
        rows = [*_rows(network.parts, network.macs), total]
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
