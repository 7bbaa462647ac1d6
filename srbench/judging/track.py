"""What a track of a competition is: the measurements that it needs, and how it makes scores and ranks of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Values: TypeAlias = Mapping[str, float]
"""Measurements by the names of terms."""
Parts: TypeAlias = dict[str, float]
"""What a formula makes of them, in the order in which it is shown."""

TIMING = ("machine", "backend", "precision", "latency_input")
"""Columns of a leaderboard that must be equal where times are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A measurement that a track needs."""

    name: str
    """With its unit: "runtime_ms". A table may have it as a column."""
    about: str
    columns: Mapping[str, float] = field(default_factory=dict)
    """Other columns that have it, as `srbench.judging.reading.plain` spells them, the first one preferred, each with
    the factor that makes its unit that of the term."""
    conditions: tuple[str, ...] = ()
    """Columns of a leaderboard in which rows must agree for their values to compare."""
    decimals: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A limit beyond which a row has no rank; it is not checked where the measurement is missing."""

    term: Term
    least: float | None = None
    most: float | None = None

    def broken(self, values: Values) -> str:
        """Return how a row breaks it: "psnr_test 26.98 is below 26.99"; empty if it does not."""
        value = values.get(self.term.name)
        if value is not None and self.least is not None and value < self.least:
            return f"{self.term.name} {value:g} is below {self.least:g}"
        if value is not None and self.most is not None and value > self.most:
            return f"{self.term.name} {value:g} is above {self.most:g}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The measurements of a baseline that the organisers published."""

    name: str
    values: Values
    conditions: Mapping[str, str]
    """How terms were measured, by their names."""


def as_they_are(rows: Sequence[Parts]) -> list[Parts]:
    """Return parts to which the other rows add nothing."""
    return list(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One ranking of one year of a competition."""

    name: str
    label: str
    formula: str
    """The formula for people, in one line."""
    source: str
    """Where the formula is from."""
    terms: tuple[Term, ...]
    """What every row needs."""
    score: Callable[[Values, Values], Parts]
    """``score(row, baseline)``; both have the values that the track needs of them."""
    ranked_by: tuple[str, ...]
    """The parts that rank, the first one first."""
    higher_is_better: bool
    together: Callable[[Sequence[Parts]], list[Parts]] = as_they_are
    """Adds the parts of ranked rows that depend on the other rows."""
    apart: str = ""
    """A part whose values have rankings of their own; empty for a single ranking."""
    gates: tuple[Gate, ...] = ()
    baseline: str = ""
    """Name of the organisers' baseline; empty if the formula has none."""
    baseline_terms: tuple[str, ...] = ()
    """What the formula needs of the baseline."""
    published: Published | None = None
    """That baseline as the organisers measured it."""
    scale: int | None = None
    """The factor of the track; None for any."""

    @property
    def shown(self) -> tuple[Term, ...]:
        """The terms and those of gates, each once."""
        own = {gate.term.name: gate.term for gate in self.gates} | {term.name: term for term in self.terms}
        return tuple(own.values())
