"""Whether better images help a recogniser: fronts that feed one frozen recogniser, their PSNR and its accuracy.

A front enlarges LR for a recogniser that was trained on HR, such as ``bicubic`` in ``after:bicubic:cbam_small``.
Scores of what a model was given are marked in records (`srbench.records.Score.of_input`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srbench.escaping import markdown, markdown_sentence
from srbench.measuring.uncertainty import Interval
from srbench.report.correlation import SAMPLES, Correlation, chance_level, correlate
from srbench.report.formats import Heading, grid
from srbench.report.leaderboard.tables import Line, Section, Table
from srbench.report.pairing import Image, averaged, in_common, scores_by_seed, statistics_of
from srbench.report.pictures import picture_name

FEWEST_FRONTS = 5
"""With fewer, a coefficient says nothing."""


@dataclass(frozen=True, slots=True)
class Point:
    """A mean score with its 95 % interval over images and seeds."""

    mean: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One score of what the fronts feed, against the headline."""

    heading: Heading
    fronts: tuple[str, ...]
    """Those that have the score, in the table's order."""
    fed: tuple[Point, ...]
    answered: tuple[Point, ...]
    """The headline of the recogniser behind each front."""
    images: int
    correlation: Correlation | None
    """None if a score is the same for all fronts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One recogniser behind several fronts, on one dataset at one scale."""

    section: Section
    table: Table
    headline: Heading
    recogniser: str
    comparisons: tuple[Comparison, ...]
    absent: tuple[str, ...]
    """A sentence for each score of the input that too few fronts have."""

    @property
    def picture(self) -> str:
        """The name of its picture: "fronts_digits_test_x4_cbam_medium.png"."""
        return picture_name("fronts", self.section.stem_of(self.table), self.recogniser)


def make_studies(sections: Sequence[Section]) -> list[Study]:
    """Return a study for each table and recogniser with `FEWEST_FRONTS` fronts or more whose input was scored."""
    found = []
    for section in sections:
        for table in section.tables:
            groups: dict[str, list[Line]] = {}
            for line in table.lines:
                if len(parts := line.first.model.parts) > 1 and not line.failed:
                    groups.setdefault(parts[-1], []).append(line)
            for recogniser, lines in groups.items():
                if table.headline and (study := _study(section, table, table.headline, recogniser, lines)):
                    found.append(study)
    return found


def _study(section: Section, table: Table, headline: Heading, recogniser: str, lines: Sequence[Line]) -> Study | None:
    comparisons, absent = [], []
    for heading in table.headings:
        scores = [score for line in lines if (score := line.first.scores.get(heading.metric))]
        if not any(score.of_input for score in scores):
            continue
        having = [line for line in lines if line.scores[heading].mean is not None]
        if len(having) >= FEWEST_FRONTS and (made := _comparison(heading, headline, having)):
            comparisons.append(made)
        elif reason := next((value for line in lines if (value := line.scores[heading].reason)), None):
            absent.append(f"{heading.label} could not be used: {reason.rstrip('.')}.")
    if not comparisons:
        return None
    return Study(
        section=section, table=table, headline=headline, recogniser=recogniser, comparisons=tuple(comparisons),
        absent=tuple(absent),
    )  # fmt: skip


def _comparison(heading: Heading, headline: Heading, lines: Sequence[Line]) -> Comparison | None:
    """Compare two scores of the same models; None without an item that all have scored."""
    fed, fed_names, fed_points = _scored(lines, heading)
    answered, answered_names, answered_points = _scored(lines, headline)
    if not fed_names or not answered_names:
        return None
    return Comparison(
        heading=heading, fronts=tuple(" · ".join(line.first.model.parts[:-1]) for line in lines), fed=fed_points,
        answered=answered_points, images=len(fed_names),
        correlation=correlate(fed, answered, paired=fed_names == answered_names),
    )  # fmt: skip


def _scored(
    lines: Sequence[Line], heading: Heading
) -> tuple[NDArray[np.float64], tuple[Image, ...], tuple[Point, ...]]:
    """Return the scores (models, images) averaged over seeds and realisations, their images, and each model's mean."""
    scores = [scores_by_seed(line.records, heading) for line in lines]
    seeds, images = in_common(scores)
    if not images:
        return np.empty((len(lines), 0)), (), ()
    own = [averaged(each, seeds, images) for each in scores]
    interval = statistics_of(scores).interval
    points = tuple(Point(float(each.mean()), interval(each)) for each in own)
    return np.stack([each.mean(axis=0) for each in own]), images, points


def study_lines(study: Study) -> Iterator[str]:
    """Yield the lines of a study in Markdown, without its picture."""
    yield f"### Better images, better recognition? {markdown(study.table.label)} x{study.section.scale}"
    yield ""
    yield (
        f"{markdown(study.recogniser)}, which was trained on HR, is fed by different fronts. The coefficients compare, "
        f"over the fronts, the mean score of the images that they feed with {markdown(study.headline.label)}."
    )
    yield ""
    header = ["Score of the front", "Fronts", "Images", "Pearson r", "95 % interval", "Spearman ρ", "95 % interval"]
    rows = []
    for made in study.comparisons:
        name = f"{markdown(made.heading.label)}{made.heading.bracketed_unit} {made.heading.arrow}"
        cells = ["—"] * 4
        if made.correlation:
            both = (made.correlation.pearson, made.correlation.spearman)
            cells = [text for c in both for text in (f"{c.value:.2f}", f"{c.low:.2f} – {c.high:.2f}")]
        rows.append([name, str(len(made.fronts)), f"{made.images:,}", *cells])
    yield from grid(header, rows, left=1)
    yield ""
    fewest = min(len(made.fronts) for made in study.comparisons)
    caution = (
        f"Intervals are percentiles over {SAMPLES:,} bootstrap samples of the images. They do not cover the choice of "
        f"fronts, which are few: of {fewest} unrelated ones, |r| exceeds {chance_level(fewest):.2f} in 5 % of cases."
    )
    words = [caution]
    if any(not made.heading.higher_is_better for made in study.comparisons):
        words.append("Where lower is better (↓), a negative coefficient says that better images help.")
    yield f"<sub>{' '.join([*words, *map(markdown_sentence, study.absent)])}</sub>"
    yield ""
