"""``srbench export`` and ``srbench push``: a network with its weights for other programs, and on a hub."""

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
    to: Annotated[str, typer.Option("--to", help="safetensors, onnx, torchscript or hub-folder.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write it.")],
    scale: Annotated[str | None, typer.Option("--scale", help="Factor, where the model has several.")] = None,
    architecture: Annotated[
        str | None, typer.Option("--architecture", help="The network of a file of weights.")
    ] = None,
    hub_dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--hub-dataset", metavar="NAME=ID", help="The id of a dataset on the hub, for a hub folder's scores."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")] = False,
    plugin: PluginFiles = None,
    weights_dir: WeightsFolders = None,
) -> None:
    """Write a network with its weights for other programs.

    A program (ONNX, TorchScript) is compared with PyTorch on three sizes of images before it appears at its place.

    Examples:
      srbench export imdn.div2k --scale 4 --to onnx --out imdn_x4.onnx
      srbench export results/quick#edsr_small --to hub-folder --out edsr_small_x2
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.escaping import one_line
    from srbench.exporting.eval_results import read_hub_datasets
    from srbench.exporting.export import export as export_model

    exported = export_model(
        model, to, out, load_catalog([path.resolve() for path in plugin or ()]), one_scale(scale) if scale else None,
        architecture=architecture, weights_folders=weights_dir or (), overwrite=overwrite,
        hub_datasets=read_hub_datasets(hub_dataset or ()),
    )  # fmt: skip
    console = plain_console()
    for line in (*exported.doubts, exported.sentence):
        console.print(one_line(line))


def push(
    folder: Annotated[Path, typer.Argument(help="What `srbench export --to hub-folder` wrote.")],
    repository: Annotated[str, typer.Argument(help="OWNER/NAME on the Hugging Face Hub.")],
    *,
    private: Annotated[bool, typer.Option("--private", help="Make the repository private if it is new.")] = False,
) -> None:
    """Upload an exported folder to the Hugging Face Hub.

    The repository is made if it is not there. The token is that of `hf auth login` or HF_TOKEN.

    Examples:
      srbench push edsr_small_x2 OWNER/edsr-small-x2
    """
    from srbench.escaping import one_line
    from srbench.exporting.push import push as push_folder

    plain_console().print(one_line(push_folder(folder, repository, private=private)))
