"""``srbench pick``: the best networks within a budget on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import complain, plain_console, warn
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import Device, PluginFiles, Threads, image_size, one_scale, words
from srbench.cli.tables import print_table, print_text
from srbench.escaping import one_line
from srbench.running.places import resolve_device

if TYPE_CHECKING:
    from srbench.picking.budgets import Budget
    from srbench.picking.candidates import Candidates
    from srbench.picking.choice import Choice, Priced

NEAREST = 3
"""Better models over the budget that are shown."""


def pick(
    *,
    scale: Annotated[str, typer.Option("--scale", help="Factor, such as 4.")],
    budget: Annotated[
        list[str],
        typer.Option(
            "--budget",
            metavar="LIMIT",
            help="What it may cost: 'latency_ms_p50 <= 100'. May be given several times; all must hold. Costs: "
            "params_k, macs_720p_g, macs_256_g, activations_m, latency_ms_p50, latency_ms_p90, peak_memory_mib.",
        ),
    ],
    results: Annotated[
        Path | None, typer.Option("--from", metavar="RESULTS", help="Choose among the models of this results folder.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Dataset of the scores; default: set5, or the one with most rows.")
    ] = None,
    output: Annotated[
        str, typer.Option("--output", help="Size of the enlarged image that is timed, width x height.")
    ] = "1280x720",
    backend: Annotated[
        list[str] | None,
        typer.Option("--backend", help="Backends to choose among: openvino,openvino-int8. Lossy ones need --from."),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Models that fit to find.")] = 5,
    seconds: Annotated[float, typer.Option("--seconds", min=0.01, help="Time to spend on timing each network.")] = 1.0,
    plugin: PluginFiles = None,
    device: Device = "cpu",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Choose the best networks that fit a budget on this machine.

    Scores are those that the authors of published weights report, or with --from those of your own results. Costs are
    measured here, from the best model downwards, until enough of them fit; what was measured before is in the cache.

    Examples:
      srbench pick --scale 4 --budget "latency_ms_p50 <= 100" --budget "params_k <= 1000"
      srbench pick --scale 2 --budget "macs_720p_g <= 50" --from results
      srbench pick --scale 4 --budget "latency_ms_p50 <= 100" --from results/deployment --backend openvino-int8
    """
    from srbench.files import cache_root
    from srbench.picking.budgets import MEMORY, parse_budget
    from srbench.picking.candidates import find_candidates
    from srbench.picking.choice import choose
    from srbench.picking.picked import picked
    from srbench.picking.pricing import Pricing
    from srbench.profiling.other_work import warning_of_load
    from srbench.running.session import Session

    factor, budgets, target = one_scale(scale), [parse_budget(text) for text in budget], resolve_device(device)
    files = tuple(path.resolve() for path in plugin or ())
    pricing = Pricing(
        session=Session(plugin_files=files, cache=cache_root(), device=target, threads=threads),
        scale=factor, output=image_size("--output", output), seconds=seconds,
        memory=any(own.name == MEMORY for own in budgets), heard=_say_timing,
    )  # fmt: skip
    candidates = find_candidates(pricing.catalog, factor, dataset, results, words(backend))
    if warning := warning_of_load(target):
        warn(warning)
    choice = choose(candidates.models, budgets, pricing.counted, pricing.measured, count)
    if json:
        print_json("pick", picked(choice, candidates))
    else:
        _print(choice, candidates, budgets, f"x{factor}, {output}, {target}")
    if not choice.fitting:
        complain(f"No model fits{_nearest(choice, budgets)}; loosen a budget.")
        raise typer.Exit(1)


def _say_timing(title: str) -> None:
    plain_console(stderr=True).print(one_line(f"timing {title}"))


def _print(choice: Choice, candidates: Candidates, budgets: Sequence[Budget], where: str) -> None:
    from srbench.profiling.machine import this_machine

    if choice.fitting:
        _print_models(f"Within the budget at {where}", choice.fitting, candidates)
    nearest = choice.over[:NEAREST]
    if nearest:
        title = "Better, but over the budget" if choice.fitting else "Over the budget"
        _print_models(f"{title} at {where}; the nearest", nearest, candidates)
    for priced in nearest:
        over = [str(budget) for budget in budgets if budget.exceeded(priced.costs)]
        print_text(f"{priced.candidate.title} exceeds {' and '.join(over) or 'what can be measured of it'}.")
    if choice.untried:
        print_text(f"{choice.untried} models with lower scores were not measured; see --count.")
    whose = "as its authors report it" if candidates.reported else "as measured"
    print_text(
        f"{candidates.metric} on {candidates.dataset} ({candidates.protocol}), {whose}; costs: {this_machine().name}."
    )


def _nearest(choice: Choice, budgets: Sequence[Budget]) -> str:
    """Return how "No model fits" goes on: with the model that is nearest to the budget, and its figures."""
    if not choice.over or choice.over[0].excess == float("inf"):
        return ""
    nearest = choice.over[0]
    over = " and ".join(
        f"a {own.name} of {_shown(nearest, own.name)} over the limit of {own.limit:g}"
        for own in budgets if own.exceeded(nearest.costs)
    )  # fmt: skip
    return f": the nearest, {nearest.candidate.title}, has {over}"


def _print_models(title: str, models: Sequence[Priced], candidates: Candidates) -> None:
    """Print a table of models, with the costs that any of them has."""
    from srbench.picking.budgets import COSTS

    known = [
        name for name in COSTS if any(cost and cost.value is not None for m in models if (cost := m.costs.get(name)))
    ]
    rows = [
        [m.candidate.title, f"{m.candidate.score:.{candidates.decimals}f}", *(_shown(m, name) for name in known)]
        for m in models
    ]  # fmt: skip
    heads = ["model", candidates.metric, *known]
    print_table(title, heads, rows, right=heads[1:], long=True)


def _shown(priced: Priced, name: str) -> str:
    from srbench.picking.budgets import COSTS

    cost = priced.costs.get(name)
    return "—" if cost is None or cost.value is None else f"{cost.value:,.{COSTS[name].decimals}f}"
