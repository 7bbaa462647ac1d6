"""From the options of ``run`` and ``plan`` to a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from srbench.cli.console import warn
from srbench.cli.options import data_root, resolve_device
from srbench.errors import UsageError
from srbench.planning.overrides import RunOptions

if TYPE_CHECKING:
    from srbench.running.schedule import Schedule


def planned(
    name: str, options: RunOptions, *, data: Path | None, plugin: list[Path] | None, strict: bool,
    weights_dir: list[Path] | None, device: str, threads: int, tensorboard: Path | None = None,
) -> Schedule:  # fmt: skip
    """Read the suite, apply the options and lay out the jobs."""
    from srbench.files import cache_root
    from srbench.planning.plan import make_plan
    from srbench.planning.suite import load_suite
    from srbench.running.schedule import Schedule
    from srbench.running.session import Session

    suite = options.applied_to(load_suite(name))
    session = Session(
        plugin_files=tuple(path.resolve() for path in plugin or ()),
        strict_plugins=strict,
        data_root=data_root(data),
        weights_folders=tuple(weights_dir or ()),
        cache=cache_root(),
        device=resolve_device(device),
        threads=threads,
        limit=options.limit,
        images_kept=suite.images_kept,
        log_folder=tensorboard,
    )
    for broken in session.catalog.broken:
        warn(str(broken.error))
    plan = make_plan(suite, session.catalog, options)
    return Schedule(plan, session)


def require_some_cell(schedule: Schedule) -> None:
    """Refuse a run that could do nothing but write down why each of its cells is impossible.

    Raises:
        UsageError: Every cell is; the first reason, and how many others there are.
    """
    reasons = [tasks.measure.reason for tasks in schedule.cells.values()]
    if all(reasons):
        first, *others = dict.fromkeys(map(str, reasons))
        raise UsageError(first + (f" And {len(others)} more reasons: see `srbench plan`." if others else ""))
