"""``srbench score``: score images that were super-resolved elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import say
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import Data, Device, PluginFiles, one_scale, words
from srbench.cli.tables import print_table
from srbench.escaping import one_line


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
    json: Json = False,
) -> None:
    """Score images that were super-resolved elsewhere.

    Files are matched to the images of the dataset by the names that they contain.

    Examples:
      srbench score my_images --dataset set5 --scale 4 --data ~/datasets
      srbench score my_images --dataset set5 --scale 4 --metric psnr_y,ssim_y --csv scores.csv
    """
    from srbench.benchmarking.outcomes import scored_folder
    from srbench.benchmarking.score import score_files
    from srbench.report.formats import write_csv

    factor = one_scale(scale)
    found = score_files(
        folder, dataset, factor, data=data, protocol=protocol, metrics=words(metric), device=device,
        plugin_files=plugin or (),
    )  # fmt: skip
    columns = {metric.name: metric.column for metric in found.metrics}
    if csv is not None:
        lines = [{"image": name} | {columns[m]: scores[m] for m in columns} for name, scores in found.rows]
        write_csv(csv, ["image", *columns.values()], lines)
    if json:
        print_json("score", scored_folder(found, dataset, factor))
        return
    cells = [
        (name, *("" if (value := scores[metric]) is None else f"{value:.6f}" for metric in columns))
        for name, scores in found.rows
    ]
    title = one_line(f"{folder} on {dataset} x{factor}, {found.protocol}")
    print_table(title, ("image", *columns.values()), cells, right=list(columns.values()), long=True)
    for sentence in (*(f"{name}: {reason}" for name, reason in found.absent.items()), *found.notes):
        say(sentence)
