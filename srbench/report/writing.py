"""Write the files of a report, in the formats that are wanted, into a folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from srbench.files import atomic_write
from srbench.report.degradations import page as degradations_page
from srbench.report.degradations.matrix import make_matrices
from srbench.report.degradations.plots import matrix_pictures
from srbench.report.degradations.representations import representation_pictures
from srbench.report.deployment import page as deployment_page
from srbench.report.deployment.runs import deployments
from srbench.report.distillation import page as distillation_page
from srbench.report.distillation.gains import make_gain_tables
from srbench.report.distillation.plots import gain_pictures
from srbench.report.formats import write_csv
from srbench.report.leaderboard.attention import attention_pictures
from srbench.report.leaderboard.by_scale import by_scale
from srbench.report.leaderboard.columns import (
    has_samples,
    image_columns,
    image_rows,
    leaderboard_columns,
    leaderboard_row,
    metric_columns,
    sample_columns,
    sample_rows,
)
from srbench.report.leaderboard.crops import crop_pictures
from srbench.report.leaderboard.front_plots import front_pictures
from srbench.report.leaderboard.fronts import make_studies
from srbench.report.leaderboard.latex import render_latex
from srbench.report.leaderboard.maps import map_pictures
from srbench.report.leaderboard.page import render_page
from srbench.report.leaderboard.perception import perception_pictures
from srbench.report.leaderboard.plots import plot_pictures
from srbench.report.leaderboard.samples import sample_pictures
from srbench.report.leaderboard.scale_plots import scale_pictures
from srbench.report.leaderboard.sections import rank_order
from srbench.report.leaderboard.tables import Section
from srbench.report.page.render import render_html
from srbench.report.pictures import FigureFormat, draw_pictures
from srbench.report.reading import Records

TableFormat: TypeAlias = Literal["md", "html", "latex", "csv"]
TABLE_FORMATS: tuple[TableFormat, ...] = get_args(TableFormat)
USUAL_TABLES: tuple[TableFormat, ...] = ("md", "html", "csv")
USUAL_FIGURES: tuple[FigureFormat, ...] = ("png",)
FILES: dict[TableFormat, str] = {
    "md": "leaderboard.md", "html": "leaderboard.html", "latex": "leaderboard.tex", "csv": "leaderboard.csv",
}  # fmt: skip
PER_IMAGE = "per_image.csv"
PER_SAMPLE = "per_sample.csv"
_MANY = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The files that were written, and what else a person should know."""

    figures: tuple[Path, ...]
    """The pictures of the leaderboard."""
    distillation: tuple[Path, ...]
    """Gains of distillers: page, CSV file and pictures."""
    degradations: tuple[Path, ...]
    """Scores by training and test degradation, likewise."""
    deployment: tuple[Path, ...]
    """Networks in their backends: page and CSV file."""
    warnings: tuple[str, ...]


def write_files(
    folder: Path,
    records: Records,
    sections: Sequence[Section],
    *,
    tables: Sequence[TableFormat] = USUAL_TABLES,
    figures: Sequence[FigureFormat] = USUAL_FIGURES,
    images: bool = False,
) -> Written:
    """Write tables and pictures of these records, which the sections hold, and return which there are.

    leaderboard.md shows the PNGs. Pictures of images are drawn as PNGs alone.
    """
    gains, matrices, studies = make_gain_tables(sections), make_matrices(sections), make_studies(sections)
    comparisons = by_scale(sections)
    of_images = "png" in figures
    crops, unreadable = crop_pictures(folder, records.folder, sections) if of_images else ([], [])
    maps, unread_maps = map_pictures(folder, records.folder, sections) if of_images else ([], [])
    samples, unread_samples = sample_pictures(folder, records.folder, sections) if of_images else ([], [])
    groups = (
        [
            *plot_pictures(folder, sections),
            *perception_pictures(folder, sections),
            *scale_pictures(folder, comparisons),
            *crops,
            *maps,
            *samples,
            *attention_pictures(folder, records.folder, sections),
            *front_pictures(folder, studies),
        ],
        gain_pictures(folder, gains),
        [*matrix_pictures(folder, matrices), *representation_pictures(folder, records.folder, matrices)],
    )
    unread = (unreadable, unread_maps, unread_samples)
    there, undrawn = draw_pictures((picture for group in groups for picture in group), figures)
    drawn, of_gains, of_matrices = (
        tuple(path for p in group for kind in figures if (path := p.path.with_suffix(f".{kind}")) in there)
        for group in groups
    )
    pngs = [path for path in drawn if path.suffix == ".png"]
    distillation, degradations = [], []
    if gains and "md" in tables:
        distillation.append(folder / "distillation.md")
        atomic_write(distillation[-1], distillation_page.render_page(gains, of_gains))
    if gains and "csv" in tables:
        distillation.append(folder / "distillation.csv")
        write_csv(distillation[-1], distillation_page.csv_columns(gains), distillation_page.csv_rows(gains))
    if matrices and "md" in tables:
        degradations.append(folder / "degradations.md")
        atomic_write(degradations[-1], degradations_page.render_page(matrices, of_matrices))
    if matrices and "csv" in tables:
        degradations.append(folder / "degradations.csv")
        write_csv(degradations[-1], degradations_page.COLUMNS, degradations_page.csv_rows(matrices))
    deployed = deployments(sections)
    deployment = []
    if deployed and "md" in tables:
        deployment.append(folder / "deployment.md")
        atomic_write(deployment[-1], deployment_page.render_page(deployed))
    if deployed and "csv" in tables:
        deployment.append(folder / "deployment.csv")
        write_csv(deployment[-1], deployment_page.COLUMNS, deployment_page.csv_rows(deployed))
    faults: list[str] = []
    if "csv" in tables:
        _write_csv(folder, records)
    if "latex" in tables:
        atomic_write(folder / FILES["latex"], render_latex(sections))
    if "md" in tables:
        gain_pages, matrix_pages = distillation[:1], degradations[:1]
        page = render_page(records, sections, pngs, gain_pages, matrix_pages, studies, comparisons, deployment[:1])
        atomic_write(folder / FILES["md"], page)
    if "html" in tables:
        beside = records.folder.relative_to(folder).as_posix() if images else None
        html, faults = render_html(records, sections, gains, matrices, beside=beside)
        atomic_write(folder / FILES["html"], html)
    return Written(
        figures=drawn,
        distillation=(*distillation, *of_gains),
        degradations=(*degradations, *of_matrices),
        deployment=tuple(deployment),
        warnings=(*(text for group in unread for text in _shortened(group)), *undrawn, *faults),
    )


def _shortened(warnings: Sequence[str]) -> list[str]:
    """Return the first of many warnings of one kind, and how many there are."""
    return list(warnings) if len(warnings) < _MANY else [warnings[0], f"The same of {len(warnings) - 1} other images."]


def _write_csv(folder: Path, records: Records) -> None:
    metrics = metric_columns(records.records)
    ordered = rank_order(records.records)
    header = leaderboard_columns(metrics, records.records)
    write_csv(folder / FILES["csv"], header, (leaderboard_row(record, metrics) for record in ordered))
    images = (row for record in ordered for row in image_rows(record, metrics))
    write_csv(folder / PER_IMAGE, image_columns(metrics), images)
    if has_samples(ordered):
        samples = (row for record in ordered for row in sample_rows(record, metrics))
        write_csv(folder / PER_SAMPLE, sample_columns(metrics), samples)
