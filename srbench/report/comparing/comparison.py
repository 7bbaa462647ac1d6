"""Compare two leaderboards: what changed, and which changes break a rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean
from typing import Literal, TypeAlias

from srbench.errors import UsageError
from srbench.garbage import without_collections
from srbench.report.comparing.chance import Spread, explained_by_chance, explained_by_samples
from srbench.report.comparing.renaming import renamed
from srbench.report.comparing.rows import (
    Cells,
    Identity,
    identity_of,
    is_equal,
    is_score,
    is_watched,
    number,
    protocol_of,
    reason_of,
    row_title,
    without,
)
from srbench.report.comparing.rules import Rule
from srbench.report.comparing.sides import Origin, Side
from srbench.report.leaderboard.columns import SAMPLE_SD

Verdict: TypeAlias = Literal["failed", "skipped", "new", "changed", "same"]
Rows: TypeAlias = Mapping[Identity, Cells]
TRAINING = ("seed", "realisation")
"""The fields in which the rows of one method differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One cell of the comparison, or the mean of a method's trainings."""

    identity: Identity
    """Without seed and realisation where the rule is about a method."""
    column: str
    """"" if the change is about the whole row."""
    base: float | None
    head: float | None
    verdict: Verdict
    detail: str = ""
    """The reason why it failed or was skipped, and what else to know of it; a sentence without full stop."""
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
    origins: tuple[Origin, Origin] | None = None
    """Where base and head come from, if that is known."""
    renamings: tuple[str, ...] = ()
    """``OLD=NEW`` for what has another name in head."""

    def having(self, verdict: Verdict) -> list[Change]:
        """Return the changes with a verdict."""
        return [c for c in self.changes if c.verdict == verdict]

    @property
    def passed(self) -> bool:
        """Whether nothing got worse than the rules allow."""
        return not self.having("failed")


@dataclass(frozen=True, slots=True)
class _Pair:
    """What a rule compares: a row of both sides, or all rows of a method where chance decides."""

    identity: Identity
    base: Sequence[Cells]
    head: Sequence[Cells]

    def scores(self, side: Sequence[Cells], column: str) -> list[float]:
        """Return the number of each training, averaged over realisations, or of the row if nothing was trained."""
        by_seed: dict[str, list[float]] = defaultdict(list)
        for row in side:
            if (value := number(row.get(column, ""))) is not None:
                by_seed[row["seed"]].append(value)
        return [fmean(values) for values in by_seed.values()]

    @property
    def trained(self) -> bool:
        """Whether it is about trainings, which chance lets end elsewhere."""
        return any(row["seed"] for row in (*self.base, *self.head))

    @property
    def random(self) -> bool:
        """Whether chance decides its scores: that of trainings, or of samples."""
        return self.trained or any(row.get("samples") for row in (*self.base, *self.head))

    def explained(self, column: str, tests: int) -> tuple[float | None, str]:
        """Return what chance explains of the change, and by how many trainings or samples of both sides.

        Trainings decide if a side has two, since their scores vary by their samples too, and else the samples of one.
        It is 0 where nothing was trained or drawn, and None where neither shows any spread.
        """
        if not self.random:
            return 0.0, ""
        sides = (self.base, self.head)
        trained = [self.scores(side, column) for side in sides]
        of_trainings = explained_by_chance(*trained, tests=tests)
        drawn = [Spread.of_groups(_groups(side, column)) for side in sides]
        if of_trainings is not None or not all(spread.count for spread in drawn):
            return of_trainings, f"{' and '.join(str(len(scores)) for scores in trained)} trainings"
        counts = " and ".join(str(spread.count) for spread in drawn)
        return explained_by_samples(*drawn, tests=tests), f"{counts} samples"


def _groups(side: Iterable[Cells], column: str) -> Iterator[tuple[int, float]]:
    """Yield the number of samples of each row and their deviation in a column."""
    for row in side:
        count, deviation = (number(row.get(name, "")) for name in ("samples", column + SAMPLE_SD))
        if count is not None and deviation is not None:
            yield int(count), deviation


def compare_sides(base: Side, head: Side, rules: Sequence[Rule], renamings: Sequence[str] = ()) -> Comparison:
    """Compare two leaderboards that were read, as `compare_rows` does; see `srbench.report.comparing.renaming` too."""
    found = compare_rows(renamed(base.rows, head.rows, renamings), head.rows, rules)
    return replace(found, origins=(base.origin, head.origin), renamings=tuple(renamings))


@without_collections()
def compare_rows(base: Iterable[Cells], head: Iterable[Cells], rules: Sequence[Rule]) -> Comparison:
    """Match the rows of two leaderboards and judge what changed.

    The comparison fails if a rule is broken or its cell became empty, if two scores have different protocol ids or only
    one has any, if a row vanished or is no longer certified, or if a cell failed in head and not in base: its status is
    not "ok". New rows are listed. Each row of a side has its own identity. Rules on chance compare methods, whose sides
    may have different seeds.

    Raises:
        UsageError: A rule is about no row, or is on chance where no method has two trainings on a side.
    """
    before, after = ({identity_of(r): r for r in rows} for rows in (base, head))
    for rule in rules:
        if not any(map(rule.is_about, (*before, *after))):
            raise UsageError(f"The rule '{rule}' is about no row of either side; correct what is between its braces.")
    changes = [*_whole_rows(before, after, [rule for rule in rules if rule.chance])]
    both = {identity: (before[identity], after[identity]) for identity in sorted(before.keys() & after.keys())}
    for identity, sides in both.items():
        if all(map(_is_ok, sides)):
            pair = _Pair(identity, *([row] for row in sides))
            own = [rule for rule in rules if rule.is_about(identity)]
            changes += [_judge(pair, rule) for rule in own if not rule.chance]
            changes += _unruled(pair, {rule.column for rule in own})
    changes += _judge_methods(before, after, [rule for rule in rules if rule.chance])
    order = ("failed", "skipped", "new", "changed", "same")
    return Comparison(
        rules=tuple(rules),
        rows=len(both),
        changes=tuple(sorted(changes, key=lambda c: (order.index(c.verdict), c.identity, c.column, str(c.rule)))),
    )


def _whole_rows(before: Rows, after: Rows, rules_on_chance: Sequence[Rule]) -> Iterator[Change]:
    """Yield what changed about whole rows; a seed may vanish where a rule compares what several seeds give."""
    kept = {without(identity, "seed") for identity in after}
    for identity in sorted(before.keys() | after.keys()):
        old, new = before.get(identity), after.get(identity)
        may_vanish = without(identity, "seed") in kept and any(rule.is_about(identity) for rule in rules_on_chance)
        if new is None and may_vanish:
            yield _whole(identity, "skipped", "head has other seeds of it")
        elif new is None:
            yield _whole(identity, "failed", "the row vanished")
        elif not _is_ok(new) and (old is None or _is_ok(old)):
            yield _whole(identity, "failed", f"the cell failed: {_cause(new)}")
        elif old is None:
            yield _whole(identity, "new", "the row is new")
        elif not _is_ok(new):
            yield _whole(identity, "skipped", f"the cell failed in base and in head: {_cause(new)}")
        elif _is_ok(old) and old.get("certified") == "certified" != new.get("certified"):
            became = new.get("certified") or "unknown"
            yield _whole(identity, "failed", f"the dataset was certified and became {became}")


def _judge_methods(before: Rows, after: Rows, rules: Sequence[Rule]) -> list[Change]:
    """Judge the rules on chance, which share what may fail by chance.

    Raises:
        UsageError: No method that a rule is about has two trainings on a side.
    """
    rows: dict[Identity, tuple[list[Cells], list[Cells]]] = defaultdict(lambda: ([], []))
    for number_of_side, side in enumerate((before, after)):
        for identity, row in side.items():
            if rules and _is_ok(row):
                rows[without(identity, *TRAINING)][number_of_side].append(row)
    pairs = [_Pair(method, *rows[method]) for method in sorted(rows) if all(rows[method])]
    judged = [(rule, [pair for pair in pairs if rule.is_about(pair.identity)]) for rule in rules]
    tests = 0
    for rule, own in judged:
        random = [pair for pair in own if pair.random]
        spread = sum(pair.explained(rule.column, 1)[0] is not None for pair in random)
        if random and not spread:
            raise UsageError(
                f"The rule '{rule}' needs a method with two trainings on one side, and each has one; run with --seed 0 "
                "--seed 1 --seed 2, or replace chance by a number."
            )
        tests += spread
    return [_judge(pair, rule, tests) for rule, own in judged for pair in own]


def _unruled(pair: _Pair, ruled: set[str]) -> Iterator[Change]:
    """Yield the changes of a row in columns that no rule is about."""
    (old,), (new,) = pair.base, pair.head
    for column in dict.fromkeys([*old, *new]):
        if not is_watched(column) or column in ruled:
            continue
        base, head = number(old.get(column, "")), number(new.get(column, ""))
        both = base is not None and head is not None
        why = _other_protocol(pair, column) if both else ""
        if why or (not is_equal(column, base, head) if base is not None and head is not None else base != head):
            note = _elsewhere(pair, column) if both else "became empty" if head is None else "was empty"
            yield Change(
                identity=pair.identity, column=column, base=base, head=head, verdict="failed" if why else "changed",
                detail=why or note,
            )  # fmt: skip


def _judge(pair: _Pair, rule: Rule, tests: int = 1) -> Change:
    column = rule.column
    scores = [pair.scores(side, column) for side in (pair.base, pair.head)]
    base, head = (fmean(side) if side else None for side in scores)
    verdict, detail = _unjudged(pair, rule, base, head)
    if not verdict and base is not None and head is not None:
        explained, by = pair.explained(column, tests) if rule.chance else (0.0, "")
        notes = [_elsewhere(pair, column)]
        if by and explained is not None:
            notes.insert(0, f"chance explains {explained:.3g} with {by}")
        if rule.chance and is_equal(column, base, head):
            verdict = "same"
        elif explained is None:
            verdict, detail = "skipped", "one training on each side does not show what chance explains"
        elif rule.broken(base, head, explained):
            verdict, detail = "failed", "; ".join(filter(None, [f"breaks {rule}", *notes]))
        elif is_equal(column, base, head):
            verdict = "same"
        else:
            verdict, detail = "changed", "; ".join(filter(None, notes))
    return Change(
        identity=pair.identity, column=column, base=base, head=head, verdict=verdict or "same", detail=detail, rule=rule
    )  # fmt: skip


def _unjudged(pair: _Pair, rule: Rule, base: float | None, head: float | None) -> tuple[Verdict | None, str]:
    """Return the verdict on two sides that do not compare, and why; None if they do."""
    if rule.timing and (why := _incomparable(pair)):
        return "skipped", f"a timing compares only on one machine, {why}"
    if base is None:
        return ("same", "") if head is None else ("changed", "was empty")
    lost = [row for row in pair.head if number(row.get(rule.column, "")) is None]
    if lost:
        why = reason_of(lost[0], rule.column).rstrip(".")
        return "failed", "became empty" + (f": {why}" if why else "")
    why = _other_protocol(pair, rule.column)
    return ("failed", why) if why else (None, "")


def _incomparable(pair: _Pair) -> str:
    """Return why timings of two sides do not compare; "" if they do."""
    for old, new in product(pair.base, pair.head):
        base, head = old.get("machine", ""), new.get("machine", "")
        if not base or not head:
            return "and one side does not name its machine"
        if base != head:
            return f"and base was timed on {base}, head on {head}"
    return ""


def _elsewhere(pair: _Pair, column: str) -> str:
    """Return that a score comes from another machine or number of threads, which rounds otherwise; "" if not."""
    base, head = ({row.get("machine", "") for row in side} - {""} for side in (pair.base, pair.head))
    if not is_score(column) or not base or not head or base == head:
        return ""
    weights = [{row.get("weights_sha256", "") for row in side} for side in (pair.base, pair.head)]
    done = "trained" if pair.trained and weights[0] != weights[1] else "measured"
    return f"{done} on another kind of machine, or with other threads"


def _other_protocol(pair: _Pair, column: str) -> str:
    """Return why scores of two sides do not compare; "" if they do."""
    for old, new in product(pair.base, pair.head):
        base, head = protocol_of(old, column) or "none stated", protocol_of(new, column) or "none stated"
        if base != head:
            return f"the protocol changed, which makes them incomparable: {base} became {head}"
    return ""


def _is_ok(row: Cells) -> bool:
    return row.get("status") == "ok"


def _cause(row: Cells) -> str:
    return reason_of(row, "cell").rstrip(".") or f"its status is {row.get('status') or 'missing'}, without a reason"


def _whole(identity: Identity, verdict: Verdict, detail: str) -> Change:
    return Change(identity=identity, column="", base=None, head=None, verdict=verdict, detail=detail)
