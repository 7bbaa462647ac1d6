"""``srbench upscale``: enlarge photographs with a network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, cast, get_args

import typer

from srbench.cli.console import complain, plain_console
from srbench.cli.options import Device, PluginFiles, Threads, WeightsFolders, one_scale
from srbench.errors import SrbenchError, UsageError
from srbench.running.places import resolve_device

Precision = Literal["fp32", "bf16", "fp16"]


def upscale(
    inputs: Annotated[
        list[str], typer.Argument(help="Images, videos, folders (with those in them), patterns; - reads a list.")
    ],
    *,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="What enlarges: edsr_baseline.div2k, bicubic, spandrel:FILE, a file of weights, or a row of results: "
            "results#edsr_small.",
        ),
    ],
    scale: Annotated[str | None, typer.Option("--scale", help="Factor, where the model has several.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the results, which keep their names.")] = Path(
        "upscaled"
    ),
    architecture: Annotated[
        str | None, typer.Option("--architecture", help="The network of a file of weights.")
    ] = None,
    file_format: Annotated[
        str | None,
        typer.Option("--format", help="Format of all images: png, tiff, jpg, webp; else that of each file."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that are there already.")] = False,
    self_ensemble: Annotated[
        bool, typer.Option("--self-ensemble", help="Mean over eight flips and rotations; eight times the time.")
    ] = False,
    precision: Annotated[str, typer.Option("--precision", help="fp32, bf16 or fp16.")] = "fp32",
    memory: Annotated[
        float, typer.Option("--memory", min=0.05, help="GiB that the network may use at once; decides the tiles.")
    ] = 2.0,
    plugin: PluginFiles = None,
    weights_dir: WeightsFolders = None,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Enlarge photographs and videos.

    Transparency, 16 bits, colour profiles and EXIF data are kept; images are turned upright. Large images are enlarged
    in tiles. A file that cannot be read is reported, and the others are written. Videos keep their sound; they need
    ffmpeg.

    Examples:
      srbench upscale holiday/ --model edsr_baseline.div2k --scale 4 --out large/
      srbench upscale photo.jpg --model my.pth --architecture espcn
    """
    from rich.progress import Progress

    from srbench.catalog.catalog import load_catalog
    from srbench.escaping import one_line
    from srbench.imaging.photographs import DEEP
    from srbench.measuring.protocol import Inference
    from srbench.upscaling.folders import find_pairs, upscale_file
    from srbench.upscaling.loading import load_upscaler

    if precision not in get_args(Precision):
        raise UsageError(f"--precision {precision} is none; give one of {', '.join(get_args(Precision))}.")
    formats = (*(suffix[1:] for suffix in DEEP), "jpg", "jpeg", "webp", "bmp")
    if file_format is not None and file_format not in formats:
        raise UsageError(f"--format {file_format} is none that srbench writes; give one of {', '.join(formats)}.")
    names = [line.strip() for name in inputs for line in (sys.stdin if name == "-" else [name])]
    pairs = find_pairs([name for name in names if name], out, f".{file_format}" if file_format else None)
    if threads:
        import torch

        torch.set_num_threads(threads)
    inference = Inference(self_ensemble=self_ensemble, precision=cast("Precision", precision))
    upscaler = load_upscaler(
        model, load_catalog([path.resolve() for path in plugin or ()]), one_scale(scale) if scale else None,
        architecture=architecture, weights_folders=weights_dir or (), device=resolve_device(device),
        inference=inference, memory=int(memory * 2**30),
    )  # fmt: skip
    console, failed = plain_console(), 0
    for doubt in upscaler.doubts:
        console.print(one_line(doubt))
    errors = plain_console(stderr=True)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        for pair in progress.track(pairs, description=one_line(upscaler.name)):
            try:
                height, width = upscale_file(upscaler, pair, overwrite=overwrite)
            except SrbenchError as error:
                failed += 1
                complain(str(error))
            else:
                console.print(one_line(f"{pair.target}  {width}x{height}"))
    if failed:
        complain(f"{failed} of {len(pairs)} images were not enlarged, for the reasons above.")
        raise typer.Exit(1)
