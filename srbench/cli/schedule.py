"""From the options of ``run`` and ``plan`` to a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from srbench.cli.console import warn
from srbench.cli.options import make_session, scales, words
from srbench.errors import UsageError

if TYPE_CHECKING:
    from srbench.running.schedule import Schedule


def planned(
    suite: str, *, data: Path | None, plugin: list[Path] | None, strict: bool, only: list[str] | None,
    scale: list[str] | None, dataset: list[str] | None, degradation: list[str] | None, seed: list[int] | None,
    limit: int | None, architecture: list[str] | None, distiller: list[str] | None, teacher: str | None,
    metric: list[str] | None, recipe: str | None, tile: int | None, self_ensemble: bool, chop: bool,
    precision: str | None, weights: list[Path] | None, weights_dir: list[Path] | None, device: str, threads: int,
    profile: bool, tensorboard: Path | None = None,
) -> Schedule:  # fmt: skip
    """Read the suite, apply the options and lay out the jobs."""
    from srbench.planning.overrides import altered, applied
    from srbench.planning.plan import Selection, make_plan
    from srbench.planning.suite import load_suite
    from srbench.profiling.machine import this_machine
    from srbench.running.keys import Keys
    from srbench.running.schedule import Schedule

    factors = scales(scale)
    chosen = altered(
        load_suite(suite),
        architectures=words(architecture),
        distillers=words(distiller),
        teacher=teacher,
        degradations=words(degradation),
        datasets=words(dataset),
        scales=factors,
        metrics=words(metric),
        weights=tuple(map(str, weights or ())),
        recipe=recipe,
    )
    chosen = applied(chosen, tile=tile, self_ensemble=self_ensemble, chop=chop, precision=precision)
    if not profile:
        chosen = chosen.model_copy(update={"profile": chosen.profile.model_copy(update={"enabled": False})})
    session = make_session(
        chosen, plugins=plugin, strict=strict, data=data, weights=weights_dir, on=device, threads=threads, limit=limit,
        log=tensorboard,
    )  # fmt: skip
    for broken in session.catalog.broken:
        warn(str(broken.error))
    plan = make_plan(
        chosen,
        session.catalog,
        Selection(
            only=words(only),
            scales=factors,
            datasets=words(dataset),
            degradations=words(degradation),
            seeds=tuple(seed or ()),
        ),
    )
    return Schedule(plan, session, Keys(session), this_machine(session.threads).id)


def require_some_cell(schedule: Schedule) -> None:
    """Refuse a run that could do nothing but write down why each of its cells is impossible.

    Raises:
        UsageError: Every cell is; the first reason, and how many others there are.
    """
    reasons = [schedule.failure(stages["measure"]) for stages in schedule.cells.values()]
    if all(reasons):
        first, *others = dict.fromkeys(map(str, reasons))
        raise UsageError(first + (f" And {len(others)} more reasons: see `srbench plan`." if others else ""))
