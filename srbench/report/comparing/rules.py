"""Rules such as ``psnr_y_db < -0.02``: changes of a column that are not accepted."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from srbench.errors import UnknownNameError, UsageError
from srbench.report.comparing.rows import holds_numbers

TIMINGS = ("latency", "peak_memory", "train_seconds", "seconds_per_step")
"""Columns whose names start with these compare only on one machine."""
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "!=": operator.ne,
}  # fmt: skip
_RULE = re.compile(
    r"\s*(?P<column>[^\s<>=!]+)\s*(?P<operator><=|>=|!=|<|>)\s*(?P<limit>[+-]?[^\s%]+)\s*(?P<percent>%?)\s*"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A change that is not accepted: head minus base, divided by base with ``percent``, compared with a limit."""

    column: str
    operator: str
    limit: float
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.column} {self.operator} {self.limit:+g}{'%' if self.percent else ''}"

    @property
    def timing(self) -> bool:
        """Whether it applies only to rows of one machine."""
        return self.column.startswith(TIMINGS)

    def broken(self, base: float, head: float) -> bool:
        """Whether a change from ``base`` to ``head`` breaks the rule."""
        # 29.98 - 30.00 is -0.019999999999999574 in binary: changes are compared as they print.
        change = round(relative(base, head) * 100 if self.percent else head - base, 9)
        return OPERATORS[self.operator](change, self.limit)


def parse_rule(text: str, known: Iterable[str]) -> Rule:
    """Read ``COLUMN OPERATOR LIMIT[%]``, such as "latency_ms_p50 > +10%", for one of the ``known`` columns.

    Raises:
        UsageError: It cannot be understood, is about a text column, or would be broken without any change.
        UnknownNameError: There is no such column; the error names the nearest.
    """
    match = _RULE.fullmatch(text.replace("−", "-"))  # as our own tables print it
    try:
        limit = float(match["limit"]) if match else math.nan
    except ValueError:
        limit = math.nan
    if match is None or not math.isfinite(limit):
        raise UsageError(
            f"The rule {text!r} cannot be understood; write a column, one of {' '.join(OPERATORS)} and a number, "
            "with % for a relative change: 'psnr_y_db < -0.02' or 'latency_ms_p50 > +10%'."
        )
    rule = Rule(match["column"], match["operator"], limit, bool(match["percent"]))
    columns = set(known)
    numeric = {c for c in columns if holds_numbers(c)}
    if rule.column in columns and rule.column not in numeric:
        raise UsageError(
            f"The rule {text!r} is about the column {rule.column}, which holds text; choose one of numbers."
        )
    if rule.column not in numeric:
        raise UnknownNameError.among("column", rule.column, numeric, f"The rule is {text!r}.")
    if rule.broken(1.0, 1.0):
        raise UsageError(
            f"The rule {text!r} would fail where nothing changed; it compares head minus base, so a loss of quality is "
            "'psnr_y_db < -0.02' and a rise in cost 'parameters > 0'."
        )
    return rule


def relative(base: float, head: float) -> float:
    """Return (head − base) / |base|; from zero, any change is infinite."""
    if base == head:
        return 0.0
    return math.copysign(math.inf, head) if base == 0 else (head - base) / abs(base)
