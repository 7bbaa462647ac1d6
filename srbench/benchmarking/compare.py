"""Compare two leaderboards under rules."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from srbench.benchmarking.results import Results, read_results
from srbench.plain import PlainConsole
from srbench.report.comparing import comparison as comparing
from srbench.report.comparing.rules import parse_rule
from srbench.report.comparing.verdicts import render_markdown
from srbench.report.terminal import print_comparison

_WIDTH = 120


class Comparison(comparing.Comparison):
    """What changed between two leaderboards, and which changes break a rule; it shows itself as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return what ``srbench compare`` prints."""
        text = io.StringIO()
        print_comparison(PlainConsole(file=text, width=_WIDTH), self)
        return text.getvalue().rstrip()

    def _repr_markdown_(self) -> str:
        """Return the comment for a pull request, which a notebook draws."""
        return render_markdown(self)


def compare(
    base: Results | Path | str,
    head: Results | Path | str,
    rules: str | Sequence[str] = (),
    *,
    renamed: Sequence[str] = (),
) -> Comparison:
    """List what changed from one leaderboard to another, and judge it: what ``srbench compare`` does.

    ``srbench.compare("results", "mine", "psnr_y_db < -chance").passed`` is False if a score got worse beyond chance.

    Args:
        base: The leaderboard before: results, a results folder, or a CSV file.
        head: The leaderboard after.
        rules: Changes that are not accepted, head minus base, such as "latency_ms_p50 > +10%".
        renamed: ``OLD=NEW`` for each name of base that head calls otherwise.

    Returns:
        The comparison: ``passed``, and every change with its verdict in ``changes``.

    Raises:
        DataError: A side cannot be read.
        UsageError: A rule cannot be understood, or is about no row.
        UnknownNameError: A rule names no column.
    """
    before, after = (side if isinstance(side, Results) else read_results(side) for side in (base, head))
    known = set[str]().union(*(row.keys() for row in (*before.side.rows, *after.side.rows)))
    read = [parse_rule(text, known) for text in ([rules] if isinstance(rules, str) else rules)]
    found = comparing.compare_sides(before.side, after.side, read, renamed)
    return Comparison(**{field.name: getattr(found, field.name) for field in fields(found)})
