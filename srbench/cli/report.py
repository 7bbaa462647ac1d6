"""``srbench report``: make the files of a results folder again, or show and export a part of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from srbench.cli.console import plain_console
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import Scales, scales, words
from srbench.errors import UnknownNameError
from srbench.planning.overrides import Selection, options_of

_OF_ROWS = {name: found for name, (_, found) in options_of(Selection).items()}
Kind = TypeVar("Kind", bound=str)


def report(
    results: Annotated[Path, typer.Argument(help="Folder that `srbench run` wrote.", metavar="RESULTS")] = Path(
        "results"
    ),
    *,
    images: Annotated[
        bool, typer.Option("--images", help="Let leaderboard.html show the whole images of RESULTS/records too.")
    ] = False,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="Write these tables: md, html, latex, csv; repeat, or separate by commas."),
    ] = None,
    figures: Annotated[
        list[str] | None,
        typer.Option("--figures", help="Draw figures as png, pdf, svg, or none; pdf and svg are for papers."),
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option("--metrics", help="Show these metrics alone; the first ranks, if need be.")
    ] = None,
    rows: Annotated[
        list[str] | None,
        typer.Option(
            "--rows",
            metavar="CONDITION",
            help="Show rows for which this holds, on a column of leaderboard.csv: 'latency_ms_p50 < 100', "
            "'architecture = edsr*'. May be given several times; all must hold.",
        ),
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help=_OF_ROWS["only"].help)] = None,
    scale: Scales = None,
    dataset: Annotated[list[str] | None, typer.Option("--dataset", help=_OF_ROWS["datasets"].help)] = None,
    degradation: Annotated[list[str] | None, typer.Option("--degradation", help="Keep these degradations.")] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Write there instead of into RESULTS.")
    ] = None,
    json: Json = False,
) -> None:
    """Rebuild tables and figures from the records of results, or show and export a part of them.

    The records are the files below RESULTS/records and, for rows that these lack, RESULTS/records.jsonl.xz. Without
    options, every file of RESULTS is made again. With options that choose rows or metrics, their tables are printed,
    and written only with --to.

    Examples:
      srbench report
      srbench report results --scale 4 --rows 'latency_ms_p50 < 100'
      srbench report results --format latex --figures pdf --metrics psnr_y,lpips --to paper
    """
    from srbench.benchmarking.outcomes import report_files
    from srbench.benchmarking.reporting import make_report
    from srbench.garbage import without_collections
    from srbench.report.pictures import FIGURE_FORMATS
    from srbench.report.selection import Wanted
    from srbench.report.terminal import print_files, print_tables
    from srbench.report.writing import TABLE_FORMATS

    rows_wanted = Selection(
        only=words(only), scales=scales(scale), datasets=words(dataset), degradations=words(degradation)
    )
    with without_collections():  # nor while tables are printed, since all records are in memory then
        made = make_report(
            results, Wanted(rows=rows_wanted, metrics=words(metrics)), rows or (),
            tables=_known("format of tables", formats, TABLE_FORMATS) if formats else None,
            figures=_known("format of figures", figures if words(figures) != ("none",) else None, FIGURE_FORMATS)
            if figures
            else None,
            to=to, images=images,
        )  # fmt: skip
        if json:
            print_json("report", report_files(made))
        else:
            print_tables(plain_console(), made.sections)
            print_files(plain_console(), made.paths, made.warnings)


def _known(kind: str, given: list[str] | None, known: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """Return the given words, each of which must be one of the known."""
    by_name = {str(name): name for name in known}
    for word in words(given):
        if word not in by_name:
            raise UnknownNameError.among(kind, word, by_name)
    return tuple(dict.fromkeys(by_name[word] for word in words(given)))
