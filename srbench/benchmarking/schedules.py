"""From a suite and options to the jobs of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from srbench.errors import UsageError
from srbench.planning.overrides import RunOptions
from srbench.planning.plan import make_plan
from srbench.planning.suite import Suite, load_suite
from srbench.running.schedule import Schedule
from srbench.running.session import Session


def lay_out(suite: Suite | str | Path, options: RunOptions, session: Session, warn: Callable[[str], None]) -> Schedule:
    """Read a suite, apply the options and lay out the jobs.

    Args:
        suite: A shipped suite's name, the path of a TOML file, or a suite that was read.
        options: What to keep of it, and values that replace its own.
        session: Where things are; how many images are measured and kept is set here.
        warn: Receives a sentence for each thing about the datasets that a person should know.

    Raises:
        SrbenchError: The suite cannot be read or planned; see `srbench.planning.plan.make_plan`.
    """
    chosen = options.applied_to(suite if isinstance(suite, Suite) else load_suite(str(suite)))
    session = replace(session, limit=options.limit, images_kept=chosen.images_kept)
    schedule = Schedule(make_plan(chosen, session.catalog, options), session)
    for sentence in session.library.warnings.values():
        warn(sentence)
    return schedule


def require_some_cell(schedule: Schedule) -> None:
    """Refuse a run without a possible cell.

    Raises:
        UsageError: Every cell is impossible; the first reason, and the number of others.
    """
    reasons = [own.measure.reason for own in schedule.cells.values()]
    if all(reasons):
        first, *others = dict.fromkeys(map(str, reasons))
        raise UsageError(first + (f" And {len(others)} more reasons: see `srbench plan`." if others else ""))
