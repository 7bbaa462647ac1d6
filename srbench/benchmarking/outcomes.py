"""The outcomes of commands, as facts for programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.benchmarking.reporting import Reported
from srbench.measuring.external import FolderScores, mean_scores
from srbench.report.comparing.comparison import Change, Comparison
from srbench.report.comparing.verdicts import summary
from srbench.scales import Scale
from srbench.upscaling.folders import Enlarged

if TYPE_CHECKING:
    from srbench.benchmarking.reproduce import Instructions
    from srbench.benchmarking.reproduction import Reproduction, ScorePair


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """The scores of one image."""

    name: str
    """The name of the image in its dataset."""
    scores: dict[str, float | None]
    """The scores by metric; null if one could not be computed or is infinite."""


@dataclass(frozen=True, slots=True)
class ScoredFolder:
    """The scores of images that were super-resolved elsewhere."""

    dataset: str
    """The dataset to which the images belong."""
    scale: Scale
    """The scale by which they were enlarged."""
    protocol: str
    """How the scores were taken."""
    images: tuple[ScoredImage, ...]
    """The images in the order of the dataset."""
    mean: dict[str, float | None]
    """The mean over the images by metric; the score of the set where it scores all images together."""
    absent: dict[str, str]
    """The metrics that could not be computed, with reasons."""
    notes: tuple[str, ...]
    """What a person should know: files that were not taken, colour profiles that were not applied."""


def scored_folder(found: FolderScores, dataset: str, scale: Scale) -> ScoredFolder:
    """Return the scores of a folder as facts."""
    images = tuple(ScoredImage(name, dict(scores)) for name, scores in found.table.items())
    mean = mean_scores(found.table) | dict(found.of_set)
    return ScoredFolder(dataset, scale, found.protocol, images, mean, dict(found.absent), found.notes)


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """A value of a row, or a whole row, before and after."""

    verdict: str
    """One of "failed", "skipped", "new", "changed" and "same"."""
    row: str
    """The title of the row."""
    column: str
    """The column; empty if the change is about the whole row."""
    base: float | None
    """The value before; null if there is none."""
    head: float | None
    """The value after; null if there is none."""
    rule: str | None
    """The rule that was applied; null if there is none."""
    detail: str
    """Why it failed or was skipped, and what else to know of it."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What changed between two leaderboards."""

    passed: bool
    """Whether nothing got worse than the rules allow."""
    summary: str
    """The comparison in one sentence."""
    rows: int
    """The number of rows that both sides have."""
    rules: tuple[str, ...]
    """The changes that are not accepted."""
    renamings: tuple[str, ...]
    """OLD=NEW for what has another name in HEAD."""
    changes: tuple[ChangeFacts, ...]
    """Failures first, then skipped checks, new rows, changes that break no rule, and checks that found no change."""


def compared(comparison: Comparison) -> Compared:
    """Return a comparison as facts."""
    return Compared(
        passed=comparison.passed,
        summary=summary(comparison),
        rows=comparison.rows,
        rules=tuple(map(str, comparison.rules)),
        renamings=comparison.renamings,
        changes=tuple(map(_change, comparison.changes)),
    )


def _change(change: Change) -> ChangeFacts:
    rule = str(change.rule) if change.rule else None
    return ChangeFacts(change.verdict, change.row, change.column, change.base, change.head, rule, change.detail)


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The files that a report wrote."""

    files: tuple[Path, ...]
    """The files; none if tables were only asked for."""
    warnings: tuple[str, ...]
    """What a person should know about them."""


def report_files(made: Reported) -> ReportFiles:
    """Return what a report wrote."""
    return ReportFiles(tuple(made.paths), tuple(made.warnings))


@dataclass(frozen=True, slots=True)
class EnlargedFile:
    """What became of an image or video file."""

    source: Path
    """The file."""
    target: Path | None
    """The enlarged file; null if it was not written."""
    height: int | None
    """The height of the result in pixels."""
    width: int | None
    """The width of the result in pixels."""
    error: str | None
    """Why it was not enlarged."""


@dataclass(frozen=True, slots=True)
class EnlargedFiles:
    """What became of all files."""

    model: str
    """The model that enlarged them."""
    doubts: tuple[str, ...]
    """Why its weights may be meant for something else."""
    files: tuple[EnlargedFile, ...]
    """The files in the order in which they were enlarged."""


def enlarged_files(model: str, doubts: Iterable[str], made: Iterable[Enlarged]) -> EnlargedFiles:
    """Return what became of files."""
    return EnlargedFiles(model, tuple(doubts), tuple(map(_enlarged, made)))


def _enlarged(made: Enlarged) -> EnlargedFile:
    if made.error:
        return EnlargedFile(made.pair.source, None, None, None, str(made.error))
    return EnlargedFile(made.pair.source, made.pair.target, *made.size, None)


@dataclass(frozen=True, slots=True)
class ScoreFacts:
    """The score of a metric, recorded and made again."""

    column: str
    """The column of the metric."""
    before: float | None
    """The recorded score; null if it was not measured."""
    after: float | None
    """The new score; null if it was not measured."""
    difference: float | None
    """The new one minus the recorded one; null if one of them was not measured."""
    bound: float
    """How much they may differ; 0 if they are to be equal bit by bit."""
    reproduced: bool
    """Whether they differ by no more than that."""


@dataclass(frozen=True, slots=True)
class ReproductionFacts:
    """How a row that was made again compares with its record."""

    reproduced: bool
    """Whether every score is what was to be expected, on the same images."""
    exact: bool
    """Whether scores are to be equal bit by bit, because machine, versions, threads and key are the same."""
    same_images: bool
    """Whether both were measured on the same images."""
    same_weights: bool | None
    """Whether the weights are equal bit by bit; null without any, and for trainings with another key."""
    differing: tuple[str, ...]
    """A sentence for each thing that was not the same: code, versions, machine, data, plugins."""
    scores: tuple[ScoreFacts, ...]
    """The scores of all metrics."""


@dataclass(frozen=True, slots=True)
class ReproducedRow:
    """What made a row of results, and whether it was made again."""

    row: str
    """The row as it was named: results#edsr_small."""
    key: str
    """The key of its record."""
    files: dict[str, str]
    """The text of its suite and of its recipes by the names of their files."""
    command: tuple[str, ...]
    """The words of the command that makes it again beside these files."""
    unknown: tuple[str, ...]
    """A sentence for each thing that the record does not say."""
    comparison: ReproductionFacts | None
    """How it compares with its record; null without `--run`."""


def reproduced_row(row: str, how: Instructions, command: Iterable[str], made: Reproduction | None) -> ReproducedRow:
    """Return what made a row, and how it compares if it was made again."""
    comparison = (
        made
        if made is None
        else ReproductionFacts(
            reproduced=made.reproduced,
            exact=made.exact,
            same_images=made.same_images,
            same_weights=made.same_weights,
            differing=made.differing,
            scores=tuple(map(_score, made.scores)),
        )
    )
    return ReproducedRow(row, how.record.key, dict(how.files), tuple(command), how.unknown, comparison)


def _score(pair: ScorePair) -> ScoreFacts:
    return ScoreFacts(pair.column, pair.before, pair.after, pair.difference, pair.bound, pair.reproduced)


@dataclass(frozen=True, slots=True)
class DegradedImage:
    """An LR image."""

    image: Path
    """The HR image that it was made from."""
    lr: Path | None
    """The file of the LR; null if it was only compared."""
    realisation: Path
    """The file that says everything that was drawn."""
    equal: bool | None
    """With `--from`, whether every pixel is that of the LR beside the realisation; null without one, or `--from`."""


@dataclass(frozen=True, slots=True)
class DegradedImages:
    """What a degradation made of images."""

    degradation: str
    """The name of the degradation."""
    scale: Scale
    """The scale by which images became smaller."""
    images: tuple[DegradedImage, ...]
    """The LR images in the order in which they were made."""
    notes: tuple[str, ...]
    """What a person should know: other files in the folder, colour profiles that were not applied."""
