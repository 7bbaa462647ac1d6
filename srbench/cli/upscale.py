"""``srbench upscale``: enlarge photographs with a network."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import complain, say, with_bar
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import Device, PluginFiles, Threads, WeightsFolders, one_scale
from srbench.escaping import one_line
from srbench.running.places import resolve_device, use_threads

if TYPE_CHECKING:
    from srbench.upscaling.folders import Enlarged


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
    sampler: Annotated[
        str, typer.Option("--sampler", help="How a network that samples draws, such as ddim-20; else its first.")
    ] = "",
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of samplers and fits; 0 if absent.")] = None,
    fit_steps: Annotated[
        int | None, typer.Option("--fit-steps", min=1, help="Steps of a network that is fitted to each image.")
    ] = None,
    fit_seconds: Annotated[
        float | None, typer.Option("--fit-seconds", min=0, help="End the fit of an image after this time.")
    ] = None,
    precision: Annotated[str, typer.Option("--precision", help="fp32, bf16 or fp16.")] = "fp32",
    memory: Annotated[
        float, typer.Option("--memory", min=0.05, help="GiB that the network may use at once; decides the tiles.")
    ] = 2.0,
    plugin: PluginFiles = None,
    weights_dir: WeightsFolders = None,
    device: Device = "cpu",
    threads: Threads = 0,
    json: Json = False,
) -> None:
    """Enlarge photographs and videos.

    Transparency, 16 bits, colour profiles and EXIF data are kept; images are turned upright. Large images are enlarged
    in tiles. A file that cannot be read is reported, and the others are written. Videos keep their sound; they need
    ffmpeg.

    Examples:
      srbench upscale holiday/ --model edsr_baseline.div2k --scale 4 --out large/
      srbench upscale photo.jpg --model my.pth --architecture espcn
      srbench upscale photo.jpg --model results#sr3_small --sampler ddim-20 --seed 3
    """
    from srbench.benchmarking.outcomes import enlarged_files
    from srbench.catalog.catalog import load_catalog
    from srbench.measuring.protocol import Inference, precision_named
    from srbench.planning.applying import Drawing
    from srbench.upscaling.folders import find_pairs, upscale_files
    from srbench.upscaling.loading import load_upscaler

    inference = Inference(self_ensemble=self_ensemble, precision=precision_named(precision))
    names = (line.strip() for name in inputs for line in (sys.stdin if name == "-" else [name]))
    pairs = find_pairs([name for name in names if name], out, file_format)
    use_threads(threads)
    upscaler = load_upscaler(
        model, load_catalog([path.resolve() for path in plugin or ()]), one_scale(scale) if scale else None,
        architecture=architecture, weights_folders=weights_dir or (), device=resolve_device(device),
        inference=inference, memory=int(memory * 2**30),
        drawing=Drawing(sampler=sampler, seed=seed, fit_steps=fit_steps, fit_seconds=fit_seconds),
    )  # fmt: skip
    made = with_bar(upscale_files(upscaler, pairs, overwrite=overwrite), upscaler.name, len(pairs))
    if json:
        enlarged = enlarged_files(upscaler.name, upscaler.doubts, made)
        print_json("upscale", enlarged)
        failed = sum(file.error is not None for file in enlarged.files)
    else:
        failed = _print(upscaler.doubts, made, len(pairs))
    if failed:
        raise typer.Exit(1)


def _print(doubts: Iterable[str], made: Iterable[Enlarged], total: int) -> int:
    """Print what became of files as they are enlarged, and return how many were not."""
    for doubt in doubts:
        say(doubt)
    failed = 0
    for own in made:
        if own.error:
            failed += 1
            complain(str(own.error))
        else:
            say(one_line(f"{own.pair.target}  {own.size[1]}x{own.size[0]}"))
    if failed:
        complain(f"{failed} of {total} images were not enlarged, for the reasons above.")
    return failed
