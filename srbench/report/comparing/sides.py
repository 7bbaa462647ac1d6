"""One side of a comparison: its rows, and where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from srbench.records.record import Record
from srbench.report.comparing.rows import Cells

_SHOWN = 3
"""Different values of a fact that a heading names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a leaderboard comes from; each text names what its rows have, "" if they do not say."""

    suite: str = ""
    commit: str = ""
    torch: str = ""
    machine: str = ""

    @classmethod
    def of_rows(cls, rows: Iterable[Cells]) -> Origin:
        """Return what a CSV file says, which has no suite and only ids of machines."""
        rows = list(rows)
        commit, torch, machine = (_several(row.get(name, "") for row in rows) for name in _COLUMNS)
        return cls(commit=commit, torch=torch, machine=machine)

    @classmethod
    def of_records(cls, records: Sequence[Record]) -> Origin:
        """Return what records say."""
        environments = [record.environment for record in records if record.environment]
        return cls(
            suite=_several(record.suite for record in records),
            commit=_several(e.git_commit or "" for e in environments),
            torch=_several(e.torch for e in environments),
            machine=_several(f"{e.machine_name} ({e.machine})" for e in environments),
        )


_COLUMNS = ("git_commit", "torch", "machine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A leaderboard that was read."""

    rows: list[Cells]
    origin: Origin


def _several(values: Iterable[str]) -> str:
    """Return the different values, the most frequent first."""
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    known = sorted(counts.keys() - {""}, key=lambda value: (-counts[value], value))
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more
