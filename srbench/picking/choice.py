"""Choose the best models within a budget, and find what the next best would cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from srbench.picking.budgets import Budget, Costs
from srbench.picking.candidates import Candidate

Measure = Callable[[Candidate], Costs]
"""From a candidate to its costs."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A candidate with its costs."""

    candidate: Candidate
    costs: Costs
    excess: float
    """The largest cost divided by its limit; at most 1 if it fits."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What fits a budget, and what would be better."""

    fitting: tuple[Priced, ...]
    """Best first."""
    over: tuple[Priced, ...]
    """Those with a better score than the best that fits, nearest to the budget first; unknown costs last."""
    untried: int
    """Candidates with lower scores, which were not measured."""


def choose(
    candidates: Sequence[Candidate], budgets: Sequence[Budget], counted: Measure, measured: Measure, wanted: int
) -> Choice:
    """Measure candidates, best first, until enough of them fit.

    Args:
        candidates: Best first.
        budgets: All of which must hold.
        counted: Gives the costs that can be counted without timing; a model over their limits is not timed.
        measured: Gives all costs.
        wanted: The number of fitting models to find.
    """
    fitting: list[Priced] = []
    over: list[Priced] = []
    tried = 0
    for priced in _priced(candidates, budgets, counted, measured):
        tried += 1
        if priced.excess <= 1:
            fitting.append(priced)
        elif not fitting:
            over.append(priced)
        if len(fitting) == wanted:
            break
    return Choice(tuple(fitting), tuple(sorted(over, key=lambda priced: priced.excess)), len(candidates) - tried)


def _priced(
    candidates: Sequence[Candidate], budgets: Sequence[Budget], counted: Measure, measured: Measure
) -> Iterator[Priced]:
    for candidate in candidates:
        costs = counted(candidate)
        if not any(budget.exceeded(costs) for budget in budgets):
            costs = measured(candidate)
        yield Priced(candidate, costs, max((budget.excess(costs) for budget in budgets), default=0.0))
