"""Rules such as ``psnr_y_db < -0.02``: changes of a column that are not accepted."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from srbench.errors import UnknownNameError, UsageError
from srbench.records.row import RowId
from srbench.report.comparing.rows import Identity, holds_numbers

TIMINGS = ("latency", "peak_memory", "image_seconds", "image_memory", "train_seconds", "seconds_per_step")
"""Columns whose names start with these compare only on one machine."""
CHANCE = "chance"
"""The word for a limit that follows from the trainings of both sides; see `srbench.report.comparing.chance`."""
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "!=": operator.ne,
}  # fmt: skip
_RULE = re.compile(
    r"\s*(?P<column>[^\s<>=!{}]+)\s*(?:\{(?P<rows>[^{}]*)\}\s*)?"
    r"(?P<operator><=|>=|!=|<|>)\s*(?P<limit>[+-]?[^\s%]+)\s*(?P<percent>%?)\s*"
)
_NEXT_FIELD = re.compile(rf",(?=\s*(?:{'|'.join(RowId._fields)})\s*=)")
"""The comma before another field; a comma within a name, such as ``stack:n_blocks=4,n_feats=16``, is not one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A change that is not accepted: head minus base, divided by base with ``percent``, compared with a limit."""

    column: str
    operator: str
    limit: float
    """With ``chance``, 1 or -1: its sign."""
    percent: bool = False
    chance: bool = False
    """Whether the limit is the change that chance explains, which differs between methods."""
    rows: tuple[tuple[str, str], ...] = ()
    """Fields of `RowId` and the pattern of each; empty for all rows."""

    def __str__(self) -> str:
        rows = f"{{{','.join(f'{field}={pattern}' for field, pattern in self.rows)}}}" if self.rows else ""
        limit = f"{'-' if self.limit < 0 else '+'}{CHANCE}" if self.chance else f"{self.limit:+g}"
        return f"{self.column}{rows} {self.operator} {limit}{'%' if self.percent else ''}"

    @property
    def timing(self) -> bool:
        """Whether it applies only to rows of one machine."""
        return self.column.startswith(TIMINGS)

    def is_about(self, identity: Identity) -> bool:
        """Whether it applies to a row."""
        if not self.rows:
            return True
        cells = dict(zip(RowId._fields, identity, strict=True))
        return all(fnmatchcase(cells[field], pattern) for field, pattern in self.rows)

    def broken(self, base: float, head: float, explained: float = 0.0) -> bool:
        """Whether a change from ``base`` to ``head`` breaks the rule; ``explained`` is what chance explains of it."""
        # 29.98 - 30.00 is -0.019999999999999574 in binary: changes are compared as they print.
        change = round(relative(base, head) * 100 if self.percent else head - base, 9)
        return OPERATORS[self.operator](change, self.limit * explained if self.chance else self.limit)


def parse_rule(text: str, known: Iterable[str]) -> Rule:
    """Read ``COLUMN[{FIELD=PATTERN,…}] OPERATOR LIMIT``, such as "latency_ms_p50 > +10%", for one of the columns.

    Args:
        text: The rule; its limit is a number, one with %, or "-chance" or "+chance".
        known: Every column.

    Raises:
        UsageError: It cannot be understood, is about a text column, or would be broken without any change.
        UnknownNameError: There is no such column or field; the error names the nearest.
    """
    match = _RULE.fullmatch(text.replace("−", "-"))  # as our own tables print it
    limit = _limit(match["limit"]) if match else math.nan
    chance = match is not None and match["limit"].lstrip("+-") == CHANCE
    if match is None or not math.isfinite(limit) or (chance and match["percent"]):
        raise UsageError(
            f"The rule {text!r} cannot be understood; write a column, one of {' '.join(OPERATORS)} and a number, "
            "with % for a relative change, or chance: 'psnr_y_db < -0.02', 'latency_ms_p50 > +10%' or "
            "'psnr_y_db < -chance'."
        )
    rows = _selection(match["rows"], text)
    rule = Rule(match["column"], match["operator"], limit, bool(match["percent"]), chance, rows)
    columns = set(known)
    numeric = {c for c in columns if holds_numbers(c)}
    if rule.column in columns and rule.column not in numeric:
        raise UsageError(
            f"The rule {text!r} is about the column {rule.column}, which holds text; choose one of numbers."
        )
    if rule.column not in numeric:
        raise UnknownNameError.among("column", rule.column, numeric, f"The rule is {text!r}.")
    if chance and (single := {field for field, _ in rows} & {"seed", "realisation"}):
        raise UsageError(
            f"The rule {text!r} is on chance, which shows in several seeds together; leave out {min(single)}."
        )
    if rule.broken(1.0, 1.0, explained=1.0):
        raise UsageError(
            f"The rule {text!r} would fail where nothing changed; it compares head minus base, so a loss of quality is "
            f"'psnr_y_db < {'-chance' if chance else '-0.02'}' and a rise in cost 'parameters > 0'."
        )
    return rule


def _limit(text: str) -> float:
    """Return the number of a limit, the sign of chance, or NaN."""
    try:
        return float(re.sub(rf"^([+-]?){CHANCE}$", r"\g<1>1", text))
    except ValueError:
        return math.nan


def _selection(text: str | None, rule: str) -> tuple[tuple[str, str], ...]:
    """Read what is between the braces of a rule."""
    chosen: list[tuple[str, str]] = []
    for part in [] if text is None else _NEXT_FIELD.split(text):
        field, equals, pattern = (word.strip() for word in part.partition("="))
        if not equals:
            raise UsageError(
                f"The rule {rule!r} cannot be understood; between braces, write fields of rows and their values: "
                "'psnr_y_db{architecture=edsr*,scale=2} < -0.05'."
            )
        if field not in RowId._fields:
            raise UnknownNameError.among("field of a row", field, RowId._fields, f"The rule is {rule!r}.")
        chosen.append((field, pattern))
    return tuple(chosen)


def relative(base: float, head: float) -> float:
    """Return (head − base) / |base|; from zero, any change is infinite."""
    if base == head:
        return 0.0
    return math.copysign(math.inf, head) if base == 0 else (head - base) / abs(base)
