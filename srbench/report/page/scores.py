"""The scores of every image, packed so that the browser can count paired gains from them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from srbench.records.record import Record
from srbench.report.formats import Heading
from srbench.report.leaderboard.tables import Line, Section, Table
from srbench.report.pairing import Image, scores_by_seed

MOST_SCORES = 150_000
"""The most scores that a page holds for all metrics (1.6 MB); one with more holds those of the metric that ranks."""


@dataclass(frozen=True, slots=True)
class PackedScores:
    """The scores of a line under one heading."""

    seeds: tuple[int | None, ...]
    """The seeds, or None alone for what was not trained: its scores belong to every seed."""
    values: tuple[str, ...]
    """For each seed the scores of the table's images, see `pack`."""
    binary: bool


def images_of(table: Table) -> list[Image]:
    """Return every image of a table once, by realisation and name, sorted."""
    return sorted({(r.realisation or 0, i.name) for line in table.lines for r in line.records for i in r.images})


def packed_headings(sections: Iterable[Section]) -> dict[int, tuple[Heading, ...]]:
    """Return the headings whose scores of images the page holds, by the ``id`` of the table.

    All of them, or only the headlines if there are more scores than `MOST_SCORES`.
    """
    tables = [table for section in sections for table in section.tables]
    count = sum(
        len(record.images) * len(record.scores) for table in tables for line in table.lines for record in line.records
    )
    if count <= MOST_SCORES:
        return {id(table): tuple(table.headings) for table in tables}
    return {id(table): (table.headline,) if table.headline else () for table in tables}


def pack_line(line: Line, heading: Heading, images: Sequence[Image]) -> PackedScores | None:
    """Return the scores of a line; None if it has none under this heading."""
    by_seed = scores_by_seed(line.records, heading)
    if not any(by_seed.values()):
        return None
    seeds = sorted(by_seed)
    values = tuple(pack([by_seed[seed].get(image) for image in images]) for seed in seeds)
    untrained = all(record.model.seed is None for record in line.records)
    return PackedScores((None,) if untrained else tuple(seeds), values, by_seed.binary)


def pack(values: Sequence[float | None]) -> str:
    """Return numbers as base64 of little-endian float64, with NaN for None.

    It is shorter than text with as many digits, which gains need to be printed as elsewhere to the last digit.
    """
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode("ascii")


def quantiles(records: Iterable[Record]) -> list[float]:
    """Return the 97.5 % quantiles of Student's t for 1, 2, … degrees of freedom, as many as intervals may need."""
    from scipy.special import stdtrit

    records = list(records)
    most = max(max((len(r.images) for r in records), default=0) + 2, len({r.model.seed for r in records}))
    return [round(float(stdtrit(freedom, 0.975)), 10) for freedom in range(1, most + 1)]
