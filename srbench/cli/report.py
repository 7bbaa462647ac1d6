"""``srbench report``: make the files of a results folder again, or show and export a part of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from srbench.cli.console import plain_console
from srbench.cli.options import Scales, scales, words
from srbench.errors import UnknownNameError, UsageError
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
    from srbench.report.export import choose, export
    from srbench.report.pictures import FIGURE_FORMATS
    from srbench.report.reading import has_records
    from srbench.report.selection import Wanted
    from srbench.report.terminal import print_files, print_leaderboard, print_tables
    from srbench.report.writing import TABLE_FORMATS, USUAL_FIGURES, USUAL_TABLES
    from srbench.running.store import results_lock

    console = plain_console()
    tables = _known("format of tables", formats, TABLE_FORMATS)
    drawn = () if words(figures) == ("none",) else _known("format of figures", figures, FIGURE_FORMATS)
    selection = Selection(
        only=words(only), scales=scales(scale), datasets=words(dataset), degradations=words(degradation)
    )
    wanted, usual = Wanted(rows=selection, metrics=words(metrics)), not (formats or figures or to)
    partial = not wanted.everything or bool(rows)
    if usual and not partial:
        if has_records(results):
            with results_lock(results):
                print_leaderboard(console, results, force=True, images=images)
        else:
            print_leaderboard(console, results, images=images)
        return
    if images:
        raise UsageError("--images is for the complete leaderboard.html; leave it out, or the other options.")
    if partial and not usual and (to is None or to.resolve() == results.resolve()):
        raise UsageError(
            f"The files in {results} hold every row and metric, and these options leave some out; "
            "give another folder with --to."
        )
    chosen = choose(results, wanted, rows or ())
    print_tables(console, chosen.sections)
    if not usual:
        made = export(
            chosen,
            to or results,
            tables=tables or ((() if figures and to is None else USUAL_TABLES) if formats is None else ()),
            figures=drawn if figures else (() if formats and to is None else USUAL_FIGURES),
        )
        print_files(console, made.paths, made.warnings)


def _known(kind: str, given: list[str] | None, known: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """Return the given words, each of which must be one of the known."""
    by_name = {str(name): name for name in known}
    for word in words(given):
        if word not in by_name:
            raise UnknownNameError.among(kind, word, by_name)
    return tuple(dict.fromkeys(by_name[word] for word in words(given)))
