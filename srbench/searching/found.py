"""What a search found: the networks to train in earnest, as a suite, and how these compare with what was expected."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tomlkit
from numpy.typing import NDArray

from srbench.errors import SrbenchError, UsageError
from srbench.files import atomic_write
from srbench.measuring.uncertainty import Interval, kendall_tau, mean_interval
from srbench.planning.plan import make_plan
from srbench.planning.suite import Suite, load_suite
from srbench.report.formats import LABELS, UNITS
from srbench.report.leaderboard.plots import pareto_front
from srbench.running.schedule import Schedule
from srbench.running.session import Session
from srbench.searching.costs import Costs, costs_of
from srbench.searching.space import Space
from srbench.searching.study import Tried

FOUND = "found.toml"
"""The suite of what was found, in the results folder of a search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """A network that was trained in earnest, or that the others are compared with."""

    name: str
    label: str
    costs: Costs | None
    """None for fixed operators, and for what cannot be counted."""
    expected: float | None
    """Its score in the search; None for a network of the suite's grid."""
    on_front: bool
    """Whether no other network of the search has a higher score at no higher costs."""
    scores: NDArray[np.float64]
    """(seeds, images) scores on the first dataset of the grid; without elements if it failed."""

    @property
    def score(self) -> float | None:
        """The mean score."""
        return float(self.scores.mean()) if self.scores.size else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The result of a search."""

    space: Space
    tried: Sequence[Tried]
    finals: Sequence[Final]
    """The grid's networks first, then those of the front by cost, then the others."""
    tau: float | None
    """Kendall's tau of the scores in the search and the final ones."""
    tau_interval: Interval
    """The 95 % interval of it."""

    @property
    def found(self) -> list[Final]:
        """The networks of the search."""
        return [final for final in self.finals if final.expected is not None]

    @property
    def references(self) -> list[Final]:
        """The networks of the grid."""
        return [final for final in self.finals if final.expected is None]

    @property
    def metric_label(self) -> str:
        """The metric for people: "PSNR-Y"."""
        return LABELS.get(self.space.metric, self.space.metric)

    @property
    def bracketed_unit(self) -> str:
        """Its unit as it follows a name: " [dB]"; "" without one."""
        column = self.space.catalog.metrics[self.space.metric].column
        return next((f" [{unit}]" for end, unit in UNITS.items() if column.endswith(end)), "")

    def gain(self, final: Final, reference: Final) -> tuple[float, Interval] | None:
        """Return the gain of one network over another, paired by seed and image, and its 95 % interval."""
        if not final.scores.size or final.scores.shape[1:] != reference.scores.shape[1:]:
            return None
        sign = 1.0 if self.space.higher_is_better else -1.0
        own, base = final.scores, reference.scores
        gains = sign * (own - base if own.shape == base.shape else own - base.mean(axis=0))  # bicubic has no seeds
        return float(gains.mean()), mean_interval(gains)


def front_of(space: Space, tried: Sequence[Tried]) -> list[Tried]:
    """Return the networks that no other beats in both score and cost, cheapest first."""
    points = [(t, t.costs.of(space.search.cost), t.score) for t in tried if t.costs and t.score is not None]
    return [one for one, _, _ in pareto_front(points, higher_is_better=space.higher_is_better)]


def write_found(space: Space, tried: Sequence[Tried], results: Path) -> Suite:
    """Write the suite of what was found and read it: the grid with its own networks, the front, and some others.

    The others are spread evenly over the ranks of the rest.

    Raises:
        UsageError: No network was measured; the reason of the first.
    """
    front = front_of(space, tried)
    if not front:
        reason = next((one.reason.rstrip(".") for one in tried if one.reason), "none was proposed")
        raise UsageError(f"The search of suite {space.suite.name} measured no network; the first: {reason}.")
    rest = sorted((t for t in tried if t.score is not None and t not in front), key=lambda t: (t.score, t.number))
    count = min(space.search.others, len(rest))
    others = [rest[round(i * (len(rest) - 1) / max(count - 1, 1))] for i in range(count)]
    names = dict.fromkeys([*space.grid.architectures, *(one.name for one in (*front, *others))])
    grid = space.grid.model_copy(update={"architectures": tuple(names)})
    suite = space.suite.model_copy(update={"name": f"{space.suite.name}-found", "grid": (grid,), "search": None})
    content = suite.model_dump(mode="json", exclude_none=True, exclude_defaults=True) | {"protocol": suite.protocol}
    for table in (content, *content["grid"]):
        if str(recipe := table.get("recipe", "")).endswith(".toml"):
            table["recipe"] = _beside(results, recipe, space.suite.origin)
    head = (
        f"# Written by `srbench search` for suite {space.suite.name}. Architectures: those of its grid, the "
        f"front by cost ({len(front)}), others ({count}).\n"
    )
    atomic_write(results / FOUND, head + tomlkit.dumps(content))
    return load_suite(str(results / FOUND))


def _beside(results: Path, recipe: str, origin: str) -> str:
    """Return the path of a recipe as seen from the results folder, which the new suite is in."""
    path = next(p for p in (Path(recipe), Path(origin).parent / recipe) if p.is_file())
    return Path(os.path.relpath(path, results)).as_posix()


def schedule_found(suite: Suite, session: Session) -> Schedule:
    """Lay out the jobs of the suite of what was found."""
    return Schedule(make_plan(suite, session.catalog), session)


def findings_of(space: Space, tried: Sequence[Tried], schedule: Schedule) -> Findings:
    """Compare the final scores with those of the search."""
    front = {one.name for one in front_of(space, tried)}
    expected = {one.name: one.score for one in tried if one.score is not None}
    networks = schedule.session.catalog.networks
    scores: dict[str, list[list[float]]] = {}
    for cell, jobs in schedule.cells.items():
        if cell.dataset != space.grid.datasets[0]:
            continue
        measured = schedule.result(jobs.measure)
        own = scores.setdefault(cell.model.architecture, [])
        values = [image.scores.get(space.metric) for image in measured.images] if measured else [None]
        if None not in values:
            own.append([value for value in values if value is not None])
    finals = [
        Final(
            name=name,
            label=networks[name].title,
            costs=_costs(name, space, schedule.session),
            expected=expected.get(name),
            on_front=name in front,
            scores=np.asarray(found, dtype=np.float64),
        )
        for name, found in scores.items()
    ]
    both = [(final.expected, final.score) for final in finals if final.expected is not None and final.score is not None]
    tau, interval = kendall_tau([one for one, _ in both], [other for _, other in both])
    return Findings(space=space, tried=tried, finals=finals, tau=tau, tau_interval=interval)


def _costs(name: str, space: Space, session: Session) -> Costs | None:
    if not session.catalog.networks[name].trainable:
        return None
    try:
        return costs_of(name, space.scale, session, space.suite.profile, timed=space.timed)
    except SrbenchError:
        return None
