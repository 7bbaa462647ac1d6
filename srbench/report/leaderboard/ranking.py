"""Rank the lines of a table; ties share a rank."""

from __future__ import annotations

import statistics

from srbench.measuring.uncertainty import mean_interval, shared_ranks
from srbench.report.headings import Heading
from srbench.report.leaderboard.tables import Line
from srbench.report.pairing import Rivals, averaged, in_common, scores_by_seed


def rank_lines(lines: list[Line], headline: Heading) -> None:
    """Sort lines by their headline score, and give them ranks, gains over bicubic interpolation and intervals."""
    # Failed cells come last; names decide the order of equal scores.
    lines.sort(key=lambda line: (
        (mean := line.scores[headline].mean) is None, -headline.sign * (mean or 0.0), line.first.row_id.method
    ))  # fmt: skip
    ranked = [line for line in lines if line.scores[headline].mean is not None]
    per_image = [image_scores(line, headline.metric) for line in ranked]
    common = sorted(set.intersection(*(set(p) for p in per_image))) if per_image else []
    values = [[p[name] for name in common] for p in per_image]
    by_seed = [scores_by_seed(line.records, headline) for line in ranked]
    trained_again = any(len(scores) > 1 for scores in by_seed)
    better = Rivals(by_seed, headline).beats_by_seeds if trained_again else None
    ranks = shared_ranks(values, higher_is_better=headline.higher_is_better, better=better)
    for line, rank in zip(ranked, ranks, strict=True):
        line.rank = rank
    base = next((line.scores[headline].mean for line in ranked if line.reference), None)
    for line, scores in zip(ranked, by_seed, strict=True):
        mean = line.scores[headline].mean
        line.gain = None if base is None or mean is None or line.reference else headline.sign * (mean - base)
        line.interval = mean_interval(averaged(scores, *in_common([scores])))


def image_scores(line: Line, metric: str) -> dict[str, float]:
    """Return the score of each image, averaged over seeds and realisations; all of them must have it."""
    scored = [r for r in line.records if r.status == "ok"]
    by_seed = [{i.name: i.scores.get(metric) for i in r.images} for r in scored]
    means = {}
    for name in by_seed[0] if by_seed else ():
        values = [seed.get(name) for seed in by_seed]
        numbers = [v for v in values if v is not None]
        if len(numbers) == len(values):
            means[name] = statistics.fmean(numbers)
    return means
