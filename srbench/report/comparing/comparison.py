"""Compare two leaderboards under rules such as ``psnr_y_db < -0.02``: what changed, and what changed for the worse."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from srbench.errors import UnknownNameError, UsageError
from srbench.records import RowId
from srbench.report.leaderboard.columns import COSTS, METRICS, NAMING, PER_METRIC

Cells: TypeAlias = Mapping[str, str]
"""Column name to text, "" for an empty cell: a row of ``leaderboard.csv``."""
Identity: TypeAlias = tuple[str, ...]
Verdict: TypeAlias = Literal["failed", "skipped", "new", "changed", "same"]

TIMINGS = ("latency", "peak_memory", "train_seconds", "seconds_per_step")
"""Columns that start so compare on one machine only."""
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "!=": operator.ne,
}  # fmt: skip
_RULE = re.compile(
    r"\s*(?P<column>[^\s<>=!]+)\s*(?P<operator><=|>=|!=|<|>)\s*(?P<limit>[+-]?[^\s%]+)\s*(?P<percent>%?)\s*"
)
_TEXT = {c.name for c in NAMING} | {
    "certified", "uncounted_operators", "latency_input", "backend", "precision", "machine", "device", "weights_sha256",
    "srbench", "torch", "git_commit", "created", "key", "reasons",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """A change that is not accepted: head minus base, or that over base with ``percent``, compared with ``limit``."""

    column: str
    operator: str
    limit: float
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.column} {self.operator} {self.limit:+g}{'%' if self.percent else ''}"

    @property
    def timing(self) -> bool:
        """Whether it means something on one machine only."""
        return self.column.startswith(TIMINGS)

    def broken(self, base: float, head: float) -> bool:
        """Whether going from ``base`` to ``head`` is what the rule forbids."""
        # 29.98 - 30.00 is -0.019999999999999574 in binary: changes are compared as they print.
        change = round(relative(base, head) * 100 if self.percent else head - base, 9)
        return OPERATORS[self.operator](change, self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One cell of the comparison."""

    identity: Identity
    column: str
    """Empty for what concerns a whole row."""
    base: float | None
    head: float | None
    verdict: Verdict
    detail: str = ""
    """Why it failed or was skipped; a sentence without its full stop."""
    rule: Rule | None = None

    @property
    def row(self) -> str:
        """The row, for people."""
        return row_title(self.identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that `compare_rows` found."""

    rules: tuple[Rule, ...]
    rows: int
    """How many rows both sides have."""
    changes: tuple[Change, ...]
    """Failures first, then what was skipped, what is new, and what changed without breaking a rule; checks that
    found no change come last."""

    def having(self, verdict: Verdict) -> list[Change]:
        """Changes of one kind."""
        return [c for c in self.changes if c.verdict == verdict]

    @property
    def passed(self) -> bool:
        """Whether nothing got worse than the rules allow."""
        return not self.having("failed")


def parse_rule(text: str, known: Iterable[str]) -> Rule:
    """Read ``COLUMN OPERATOR LIMIT[%]``: "psnr_y_db < -0.02", "latency_ms_p50 > +10%".

    Args:
        text: What the user wrote.
        known: Columns that at least one side has.

    Raises:
        UsageError: It cannot be understood, is about a text column, or no change at all would break it.
        UnknownNameError: No such column; names the nearest.
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
        raise UnknownNameError.among("column", rule.column, numeric, f"It stands in the rule {text!r}.")
    if rule.broken(1.0, 1.0):
        raise UsageError(
            f"The rule {text!r} would fail where nothing changed; it compares head minus base, so a loss of quality is "
            "'psnr_y_db < -0.02' and a rise in cost 'parameters > 0'."
        )
    return rule


def holds_numbers(column: str) -> bool:
    """Whether a column of a leaderboard can be compared as numbers."""
    return column not in _TEXT and not column.endswith(("_protocol", "_reported_source"))


def compare_rows(base: Sequence[Cells], head: Sequence[Cells], rules: Sequence[Rule]) -> Comparison:
    """Match rows by what identifies a cell and judge what changed.

    A failure is: a rule broken; a cell that a rule is about and that became empty, or whose protocol id changed; a row
    that vanished; a cell that failed in head and did not in base. New rows are told, and fail only if they failed.

    Args:
        base: Rows before; no two with one identity.
        head: Rows after; likewise.
        rules: What is not accepted.
    """
    before, after = ({identity_of(r): r for r in rows} for rows in (base, head))
    changes: list[Change] = []
    for identity in sorted(before.keys() | after.keys()):
        old, new = before.get(identity), after.get(identity)
        if new is None:
            changes.append(_whole(identity, "failed", "the row vanished"))
        elif new.get("status") == "failed" and (old is None or old.get("status") != "failed"):
            changes.append(_whole(identity, "failed", f"the cell failed: {_cause(new)}"))
        elif old is None:
            changes.append(_whole(identity, "new", "the row is new"))
        elif new.get("status") == "failed":
            changes.append(_whole(identity, "skipped", f"the cell failed in base and in head: {_cause(new)}"))
        else:
            changes += _compare_cells(identity, old, new, rules)
    order = ("failed", "skipped", "new", "changed", "same")
    return Comparison(
        rules=tuple(rules),
        rows=len(before.keys() & after.keys()),
        changes=tuple(sorted(changes, key=lambda c: (order.index(c.verdict), c.identity, c.column, str(c.rule)))),
    )


def identity_of(row: Cells) -> Identity:
    """What makes two rows the same cell."""
    return tuple(row[name] for name in RowId._fields)


def row_title(identity: Identity) -> str:
    """A row for people: "espcn, logits from edsr_wide, photographs x2, bicubic, seed 0"."""
    cell = dict(zip(RowId._fields, identity, strict=True))
    model = cell["architecture"] + (f".{cell['checkpoint']}" if cell["checkpoint"] else "")
    parts = [model]
    if cell["distiller"] not in {"", "none"}:
        parts.append(cell["distiller"] + (f" from {cell['teacher']}" if cell["teacher"] else ""))
    parts += [f"{cell['dataset']} x{cell['scale']}", cell["degradation"]]
    if cell["train_degradation"] not in {"", cell["degradation"]}:
        parts.append(f"trained on {cell['train_degradation']}")
    parts += [cell["recipe"], f"seed {cell['seed']}" if cell["seed"] else "", cell["protocol"]]
    parts.append("" if cell["inference"] == "whole" else cell["inference"])
    parts.append(f"realisation {cell['realisation']}" if cell["realisation"] else "")
    return ", ".join(p for p in parts if p)


def relative(base: float, head: float) -> float:
    """(head − base) / |base|; from zero, any change is infinite."""
    if base == head:
        return 0.0
    return math.copysign(math.inf, head - base) if base == 0 else (head - base) / abs(base)


def _compare_cells(identity: Identity, old: Cells, new: Cells, rules: Sequence[Rule]) -> list[Change]:
    changes = [_judge(identity, old, new, rule) for rule in rules]
    ruled = {rule.column for rule in rules}
    for column in _watched([*old, *new]):
        base, head = number(old.get(column, "")), number(new.get(column, ""))
        if column not in ruled and base != head:
            note = "became empty" if head is None else "was empty" if base is None else ""
            changes.append(
                Change(identity=identity, column=column, base=base, head=head, verdict="changed", detail=note)
            )
    return changes


def _judge(identity: Identity, old: Cells, new: Cells, rule: Rule) -> Change:
    base, head = number(old.get(rule.column, "")), number(new.get(rule.column, ""))

    def say(verdict: Verdict, detail: str = "") -> Change:
        return Change(
            identity=identity, column=rule.column, base=base, head=head, verdict=verdict, detail=detail, rule=rule
        )  # fmt: skip

    if rule.timing and (why := _incomparable(old, new)):
        return say("skipped", f"a timing compares only on one machine, {why}")
    if base is None:
        return say("same" if head is None else "changed", "" if head is None else "was empty")
    if head is None:
        why = _reason(new, rule.column).rstrip(".")
        return say("failed", "became empty" + (f": {why}" if why else ""))
    ids = _protocol(old, rule.column), _protocol(new, rule.column)
    if all(ids) and ids[0] != ids[1]:
        return say("failed", f"the protocol changed, which makes them incomparable: {ids[0]} became {ids[1]}")
    if rule.broken(base, head):
        return say("failed", f"breaks {rule}")
    return say("same" if base == head else "changed")


def _incomparable(old: Cells, new: Cells) -> str:
    """Why timings of two rows do not compare; empty where they do."""
    base, head = old.get("machine", ""), new.get("machine", "")
    if not base or not head:
        return "and one side does not name its machine"
    return "" if base == head else f"and base was timed on {base}, head on {head}"


def number(text: str) -> float | None:
    """A cell as a number; None where it is empty, text, infinite or not a number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _watched(columns: Iterable[str]) -> list[str]:
    """Columns whose changes are told without a rule: scores and counts, which do not depend on the machine."""
    counts = {"parameters", "parameters_deployed", "macs_720p_g", "macs_256_g"}
    scores = {*METRICS.values()}
    return [c for c in dict.fromkeys(columns) if c in counts | scores or _is_extra_metric(c)]


_OWN_COLUMNS = {c.name for c in (*NAMING, *COSTS)} | {"reasons"}


def _is_extra_metric(column: str) -> bool:
    return column not in _OWN_COLUMNS and not column.endswith((*PER_METRIC, "_protocol"))


def _protocol(row: Cells, column: str) -> str:
    for ending in ("", *PER_METRIC):
        name = column.removesuffix(ending) if ending else column
        for metric in (name, name.removesuffix("_db")):
            if f"{metric}_protocol" in row:
                return row[f"{metric}_protocol"]
    return ""


def _reason(row: Cells, column: str) -> str:
    found = re.search(rf"(?:^|; ){re.escape(column)}: (.*?)(?=; [\w:]+: |$)", row.get("reasons", ""))
    return found[1] if found else ""


def _cause(row: Cells) -> str:
    return _reason(row, "cell").rstrip(".") or "no reason given"


def _whole(identity: Identity, verdict: Verdict, detail: str) -> Change:
    return Change(identity=identity, column="", base=None, head=None, verdict=verdict, detail=detail)
