"""``srbench doctor``: find out why scores, data, weights, a machine or tiles are not what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import warn
from srbench.cli.help import Commands
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import Device, Long, PluginFiles, WeightsFolders, one_scale
from srbench.cli.tables import print_table, print_text
from srbench.running.places import resolve_device

if TYPE_CHECKING:
    from srbench.diagnosing.metrics import ReadingFacts

app = Commands(
    help="Find out why scores, data, weights, a machine or tiles are not what you expected.", no_args_is_help=True
)


@app.command()
def metrics(
    sr: Annotated[Path, typer.Argument(metavar="SR", help="Folder of super-resolved images, or one.")],
    hr: Annotated[Path, typer.Argument(metavar="HR", help="Folder of their ground truth, or one image.")],
    *,
    lr: Annotated[Path | None, typer.Option("--lr", help="Folder of their lr, to name the resize.")] = None,
    scale: Annotated[
        str | None, typer.Option("--scale", help="Factor; else that of the sizes of lr, or of names such as x4.")
    ] = None,
    claim: Annotated[
        str | None, typer.Option("--claim", help="A score as it was printed: 30.56 is PSNR, 0.8706 is SSIM.")
    ] = None,
    long: Long = False,
    json: Json = False,
) -> None:
    """Score images in every way in use, and say which way gives a claimed score.

    Images with exchanged channels, a shift, other levels, a wrong size or JPEG are recognised, and the score without
    that is given.

    Examples:
      srbench doctor metrics my_images ~/datasets/Set5/HR --scale 4 --claim 30.56
      srbench doctor metrics my_images ~/datasets/Set5/HR --lr ~/datasets/Set5/LR_bicubic/X4
    """
    from srbench.diagnosing.metrics import diagnose

    found = diagnose(sr, hr, lr=lr, scale=one_scale(scale) if scale else None, claim=claim)
    if json:
        print_json("doctor metrics", found)
        return
    for fault in found.faults:
        about = "about " * fault.approximate
        without = "" if fault.psnr_y is None else f" Without that, PSNR on Y is {about}{fault.psnr_y:.2f}."
        warn(f"{fault.about}{without}")
    if claim is None or long:
        _print_readings(found.readings, long=long)
    for sentence in (found.verdict, *found.origins, *found.notes):
        print_text(sentence, hanging=0)


@app.command()
def data(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A data root, a dataset, or plain images.")],
    *,
    json: Json = False,
) -> None:
    """Check every image of a folder, and its LR; exit 1 if something is faulty.

    Known datasets in it are compared with the manifest. Other images are looked at as one dataset.

    Examples:
      srbench doctor data ~/datasets
      srbench doctor data my_images
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.diagnosing.data import diagnose_data

    found = diagnose_data(folder, load_catalog())
    if json:
        print_json("doctor data", found)
    else:
        for own in found.datasets:
            _print_list(f"{own.name}: {own.state}, {own.images} images", (*own.lr, *own.notes))
            for problem in own.problems:
                warn(f"{own.name}: {problem}")
    raise typer.Exit(1 if found.faulty else 0)


@app.command()
def weights(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of weights: safetensors, or of torch.save.")],
    *,
    plugin: PluginFiles = None,
    json: Json = False,
) -> None:
    """Say what a file of weights holds, which networks it fits, and try these on a photograph; exit 1 if none is right.

    Examples:
      srbench doctor weights net_g_latest.pth
      srbench doctor weights my.safetensors --plugin my_network.py
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.diagnosing.weights import diagnose_weights

    found = diagnose_weights(file, load_catalog([path.resolve() for path in plugin or ()]))
    if json:
        print_json("doctor weights", found)
    else:
        _print_list(f"{file}: {found.parameters:,} values in {found.tensors} tensors", found.sentences())
        for problem in found.problems:
            warn(problem)
    raise typer.Exit(0 if found.right else 1)


@app.command()
def machine(*, device: Device = "cpu", json: Json = False) -> None:
    """Look at threads, clock, other work, versions, codecs, optional packages and the cache; exit 1 if one is bad.

    Examples:
      srbench doctor machine
      srbench doctor machine --device cuda
    """
    from srbench.diagnosing.machine import diagnose_machine

    found = diagnose_machine(resolve_device(device))
    if json:
        print_json("doctor machine", found)
    else:
        print_text(found.machine)
        print_table(
            "", ("check", "state", "found"), [(own.name, own.state, own.about) for own in found.checks], long=True
        )
    raise typer.Exit(1 if found.bad else 0)


@app.command()
def tiles(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="What enlarges, as for `srbench upscale --model`.")],
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image that serves as lr, larger than a tile.")],
    *,
    scale: Annotated[str | None, typer.Option("--scale", help="Factor, where the model has several.")] = None,
    tile: Annotated[int, typer.Option("--tile", min=8, help="Side of a tile in pixels of lr.")] = 96,
    overlap: Annotated[int, typer.Option("--overlap", min=0, help="Pixels of lr around a tile.")] = 16,
    architecture: Annotated[
        str | None, typer.Option("--architecture", help="The network of a file of weights.")
    ] = None,
    plugin: PluginFiles = None,
    weights_dir: WeightsFolders = None,
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Enlarge an image whole and in tiles, compare both, and suggest an overlap.

    Examples:
      srbench doctor tiles edsr_baseline.div2k photo.png --scale 4
      srbench doctor tiles pan.df2k photo.png --scale 4 --tile 64 --overlap 8
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.diagnosing.tiles import diagnose_tiles
    from srbench.upscaling.loading import load_upscaler

    upscaler = load_upscaler(
        model, load_catalog([path.resolve() for path in plugin or ()]), one_scale(scale) if scale else None,
        architecture=architecture, weights_folders=weights_dir or (), device=resolve_device(device),
    )  # fmt: skip
    found = diagnose_tiles(upscaler, image, tile=tile, overlap=overlap)
    if json:
        print_json("doctor tiles", found)
        return
    equal = "equal" if found.psnr_db is None else f"{found.psnr_db:.2f} dB"
    print_table("", ("compared", "value"), (
        ("tiled with whole, PSNR on RGB", equal),
        ("largest difference, levels of 8 bits", f"{found.largest_levels:.2f}"),
        ("mean difference at seams", f"{found.at_seams_levels:.4f}"),
        ("mean difference elsewhere", f"{found.elsewhere_levels:.4f}"),
        ("steps at seams, relative to those beside them", f"{found.seams:.3f} (whole: {found.seams_of_whole:.3f})"),
    ))  # fmt: skip
    print_text(found.verdict, hanging=0)


def _print_list(title: str, sentences: Iterable[str]) -> None:
    """Print a line, and sentences below it."""
    print_text(title)
    for sentence in sentences:
        print_text(sentence, 2)


def _print_readings(readings: Sequence[ReadingFacts], *, long: bool) -> None:
    rows = [
        (
            own.about,
            f"{own.value:.{2 if own.score == 'psnr' else 4}f}",
            "" if own.difference is None else f"{own.difference:+.{3 if own.score == 'psnr' else 4}f}",
            ", ".join((*own.presets, *own.libraries)),
        )
        for own in readings
    ]
    print_table("", ("score", "value", "difference", "known as"), rows, right=("value", "difference"), long=long)
