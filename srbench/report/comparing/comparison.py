"""Compare two leaderboards: what changed, and which changes break a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from srbench.garbage import without_collections
from srbench.report.comparing.rows import (
    Cells,
    Identity,
    identity_of,
    is_watched,
    number,
    protocol_of,
    reason_of,
    row_title,
)
from srbench.report.comparing.rules import Rule

Verdict: TypeAlias = Literal["failed", "skipped", "new", "changed", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One cell of the comparison."""

    identity: Identity
    column: str
    """"" if the change is about the whole row."""
    base: float | None
    head: float | None
    verdict: Verdict
    detail: str = ""
    """The reason why it failed or was skipped; a sentence without full stop."""
    rule: Rule | None = None

    @property
    def row(self) -> str:
        """The title of the row."""
        return row_title(self.identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that `compare_rows` found."""

    rules: tuple[Rule, ...]
    rows: int
    """Number of rows that both sides have."""
    changes: tuple[Change, ...]
    """Failures first, then skipped checks, new rows, changes that break no rule, and checks that found no change."""

    def having(self, verdict: Verdict) -> list[Change]:
        """Return the changes with a verdict."""
        return [c for c in self.changes if c.verdict == verdict]

    @property
    def passed(self) -> bool:
        """Whether nothing got worse than the rules allow."""
        return not self.having("failed")


@without_collections()
def compare_rows(base: Sequence[Cells], head: Sequence[Cells], rules: Sequence[Rule]) -> Comparison:
    """Match the rows of two leaderboards and judge what changed.

    The comparison fails if a rule is broken or its cell became empty, if two scores have different protocol ids or only
    one has any, if a row vanished or is no longer certified, or if a cell failed in head and not in base: its status is
    not "ok". New rows are listed. Each row of a side has its own identity.
    """
    before, after = ({identity_of(r): r for r in rows} for rows in (base, head))
    changes: list[Change] = []
    for identity in sorted(before.keys() | after.keys()):
        old, new = before.get(identity), after.get(identity)
        if new is None:
            changes.append(_whole(identity, "failed", "the row vanished"))
        elif not _is_ok(new) and (old is None or _is_ok(old)):
            changes.append(_whole(identity, "failed", f"the cell failed: {_cause(new)}"))
        elif old is None:
            changes.append(_whole(identity, "new", "the row is new"))
        elif not _is_ok(new):
            changes.append(_whole(identity, "skipped", f"the cell failed in base and in head: {_cause(new)}"))
        else:
            if old.get("certified") == "certified" != new.get("certified"):
                became = new.get("certified") or "unknown"
                changes.append(_whole(identity, "failed", f"the dataset was certified and became {became}"))
            changes += _compare_cells(identity, old, new, rules)
    order = ("failed", "skipped", "new", "changed", "same")
    return Comparison(
        rules=tuple(rules),
        rows=len(before.keys() & after.keys()),
        changes=tuple(sorted(changes, key=lambda c: (order.index(c.verdict), c.identity, c.column, str(c.rule)))),
    )


def _compare_cells(identity: Identity, old: Cells, new: Cells, rules: Sequence[Rule]) -> list[Change]:
    changes = [_judge(identity, old, new, rule) for rule in rules]
    ruled = {rule.column for rule in rules}
    for column in dict.fromkeys([*old, *new]):
        if not is_watched(column) or column in ruled:
            continue
        base, head = number(old.get(column, "")), number(new.get(column, ""))
        why = "" if base is None or head is None else _other_protocol(old, new, column)
        if why or base != head:
            note = why or ("became empty" if head is None else "was empty" if base is None else "")
            verdict: Verdict = "failed" if why else "changed"
            changes.append(Change(identity=identity, column=column, base=base, head=head, verdict=verdict, detail=note))
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
        why = reason_of(new, rule.column).rstrip(".")
        return say("failed", "became empty" + (f": {why}" if why else ""))
    if why := _other_protocol(old, new, rule.column):
        return say("failed", why)
    if rule.broken(base, head):
        return say("failed", f"breaks {rule}")
    return say("same" if base == head else "changed")


def _incomparable(old: Cells, new: Cells) -> str:
    """Return why timings of two rows do not compare; "" if they do."""
    base, head = old.get("machine", ""), new.get("machine", "")
    if not base or not head:
        return "and one side does not name its machine"
    return "" if base == head else f"and base was timed on {base}, head on {head}"


def _other_protocol(old: Cells, new: Cells, column: str) -> str:
    """Return why scores of two rows do not compare; "" if they do."""
    base, head = protocol_of(old, column) or "none stated", protocol_of(new, column) or "none stated"
    return "" if base == head else f"the protocol changed, which makes them incomparable: {base} became {head}"


def _is_ok(row: Cells) -> bool:
    return row.get("status") == "ok"


def _cause(row: Cells) -> str:
    return reason_of(row, "cell").rstrip(".") or f"its status is {row.get('status') or 'missing'}, without a reason"


def _whole(identity: Identity, verdict: Verdict, detail: str) -> Change:
    return Change(identity=identity, column="", base=None, head=None, verdict=verdict, detail=detail)
