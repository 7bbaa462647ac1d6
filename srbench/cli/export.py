"""``srbench export``: write a network with its weights as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import plain_console
from srbench.cli.options import PluginFiles, WeightsFolders, one_scale


def export(
    model: Annotated[
        str,
        typer.Argument(
            help="edsr_baseline.div2k, spandrel:FILE, a file of weights, or a row of results: results#edsr_small."
        ),
    ],
    *,
    to: Annotated[str, typer.Option("--to", help="safetensors, onnx or torchscript.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write it.")],
    scale: Annotated[str | None, typer.Option("--scale", help="Factor, where the model has several.")] = None,
    architecture: Annotated[
        str | None, typer.Option("--architecture", help="The network of a file of weights.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")] = False,
    plugin: PluginFiles = None,
    weights_dir: WeightsFolders = None,
) -> None:
    """Write a network with its weights as a file for other programs.

    A program (ONNX, TorchScript) is compared with PyTorch on three sizes of images before it appears at its place.

    Examples:
      srbench export imdn.div2k --scale 4 --to onnx --out imdn_x4.onnx
      srbench export results/quick#edsr_small --to safetensors --out edsr_small.safetensors
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.escaping import one_line
    from srbench.exporting.export import export as export_model

    exported = export_model(
        model, to, out, load_catalog([path.resolve() for path in plugin or ()]), one_scale(scale) if scale else None,
        architecture=architecture, weights_folders=weights_dir or (), overwrite=overwrite,
    )  # fmt: skip
    console = plain_console()
    for line in (*exported.doubts, exported.sentence):
        console.print(one_line(line))
