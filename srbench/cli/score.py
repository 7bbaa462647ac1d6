"""``srbench score``: score images that were super-resolved elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import plain_console
from srbench.cli.options import Data, Device, PluginFiles, one_scale, words
from srbench.cli.tables import print_table
from srbench.escaping import one_line
from srbench.running.places import data_root, resolve_device


def score(
    folder: Annotated[Path, typer.Argument(help="Folder with one SR image for each image of the dataset.")],
    *,
    dataset: Annotated[str, typer.Option("--dataset", help="Dataset to which they belong.")],
    scale: Annotated[str, typer.Option("--scale", help="Factor by which they were enlarged.")],
    data: Data = None,
    protocol: Annotated[
        str, typer.Option("--protocol", help="Preset of the protocol; see docs/protocol.md.")
    ] = "classic-y",
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Metrics to compute; may be given several times.")
    ] = None,
    plugin: PluginFiles = None,
    device: Device = "cpu",
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the scores of each image here.")] = None,
) -> None:
    """Score images that were super-resolved elsewhere.

    Files are matched to the images of the dataset by the names that they contain.

    Examples:
      srbench score my_images --dataset set5 --scale 4 --data ~/datasets
      srbench score my_images --dataset set5 --scale 4 --metric psnr_y,ssim_y --csv scores.csv
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.datasets.library import Library
    from srbench.measuring.external import mean_scores, score_folder
    from srbench.measuring.metrics.spec import MetricSpec, all_of
    from srbench.measuring.protocol import protocol_named

    catalog = load_catalog([path.resolve() for path in plugin or ()])
    factor = one_scale(scale)
    names = words(metric) or ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
    specs = all_of(MetricSpec, (catalog.metrics[name] for name in names))
    preset = protocol_named(protocol)
    table, absent, notes = score_folder(
        folder, catalog.datasets[dataset], Library(data_root(data), catalog.datasets), factor, preset, specs,
        resolve_device(device),
    )  # fmt: skip
    rows = [*table.items(), ("mean", mean_scores(table))]
    columns = [s.column for s in specs]
    cells = [(name, *("" if (v := scores[s.name]) is None else f"{v:.6f}" for s in specs)) for name, scores in rows]
    title = f"{folder} on {dataset} x{factor}, {preset.describe(factor)}"
    print_table(one_line(title), ("image", *columns), cells, right=columns, long=True)
    console = plain_console()
    for name, reason in absent.items():
        console.print(f"{name}: {reason}")
    for note in notes:
        console.print(note)
    if csv is not None:
        from srbench.report.formats import CsvRow, write_csv

        lines: list[CsvRow] = [{"image": name} | {s.column: scores[s.name] for s in specs} for name, scores in rows]
        write_csv(csv, ["image", *(s.column for s in specs)], lines)
