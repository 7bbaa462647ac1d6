"""``srbench degrade``: make lr from images, with a record of everything that was drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import say
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import PluginFiles, Strict, one_scale
from srbench.errors import UsageError

if TYPE_CHECKING:
    from srbench.benchmarking.outcomes import DegradedImage
    from srbench.degrading.spec import DegradationSpec
    from srbench.scales import Scale


def degrade(
    images: Annotated[Path, typer.Argument(help="An HR image, or a folder of them.")],
    *,
    degradation: Annotated[
        str | None, typer.Option("--degradation", help="Degradation to apply; `srbench list degradations` shows all.")
    ] = None,
    scale: Annotated[str | None, typer.Option("--scale", help="Factor: 2, 2.3, or 3.7x1.5 for height x width.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the LR; nothing in it is overwritten.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Decides what is drawn; 0 if absent.")] = None,
    realisations: Annotated[
        int | None,
        typer.Option("--realisations", min=1, help="Number of LR images of each image, for a random degradation."),
    ] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", help="Make the LR of this realisation again, and compare.")
    ] = None,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    json: Json = False,
) -> None:
    """Make LR images from HR images, each with its realisation.

    An LR is a PNG; its realisation, everything that was drawn, is a JSON file beside it.

    With --from, make an LR again from its realisation and its HR image, and compare it with the PNG beside it.
    Exit status 1 if they differ.

    Examples:
      srbench degrade photos --degradation bicubic --scale 4 --out lr
      srbench degrade photos/a.png --from lr/a_x4.json
    """
    from srbench.catalog.catalog import load_catalog

    if from_ is not None:
        if degradation or scale or realisations or seed is not None:
            raise UsageError(
                "--from has everything in its file; leave --degradation, --scale, --seed and --realisations out."
            )
        catalog = load_catalog(plugin or (), strict=strict_plugins)
        _again(from_, images, catalog.degradations, out, json=json)
        return
    if degradation is None or scale is None or out is None:
        raise UsageError("Give --degradation, --scale and --out, or --from with a realisation.")
    factor = one_scale(scale)
    spec = load_catalog(plugin or (), strict=strict_plugins).degradations[degradation]
    made = _degraded(images, spec, factor, out, seed or 0, realisations)
    if json:
        _print_document(degradation, factor, made)
        return
    for one in made:
        say(one if isinstance(one, str) else f"{one.image} → {one.lr}, {one.realisation.name}")


def _degraded(
    images: Path, spec: DegradationSpec, scale: Scale, out: Path, seed: int, realisations: int | None
) -> Iterator[DegradedImage | str]:
    """Yield every LR when it is written, and sentences that a person should know."""
    from srbench.benchmarking.outcomes import DegradedImage
    from srbench.degrading.written_lr import carry_out, check_order, orders
    from srbench.imaging.files import colours_of
    from srbench.imaging.folders import list_folder, name_some

    made = orders(images, scale, check_order(spec, scale, realisations), out)
    if images.is_dir() and (others := list_folder(images).others):
        yield f"Left out, as no images: {name_some([path.name for path in others])}."
    for order in carry_out(made, spec, scale, seed):
        yield DegradedImage(order.image, order.target, order.realisation, None)
        if order.number == 0 and (colours := colours_of(order.image)):
            yield f"{order.image} is degraded as stored, without {colours}."


def _again(
    file: Path, image: Path, degradations: Mapping[str, DegradationSpec], out: Path | None, *, json: bool
) -> None:
    from srbench.benchmarking.outcomes import DegradedImage
    from srbench.degrading.written_lr import make_again

    if not image.is_file():
        raise UsageError(f"{image} is not a file; --from needs the one HR image that the realisation was drawn for.")
    target = None if out is None else out / f"{file.stem}.png"
    realisation, equal = make_again(file, image, degradations, target)
    if json:
        made = DegradedImage(image, target, file, equal)
        _print_document(realisation.degradation, realisation.scale, [made])
    else:
        if target is not None:
            say(f"{file} → {target}")
        title = f"{realisation.degradation}, version {realisation.version}, x{realisation.scale}: made again"
        beside = file.with_suffix(".png").name
        if equal is None:
            say(f"{title}; there is no {beside} beside it to compare with.")
        else:
            say(f"✓ {title}, every pixel equal to {beside}." if equal else f"✗ {title}, and it differs from {beside}.")
    if equal is False:
        raise typer.Exit(1)


def _print_document(degradation: str, scale: Scale, made: Iterable[DegradedImage | str]) -> None:
    from srbench.benchmarking.outcomes import DegradedImages

    all_made = list(made)
    images = tuple(one for one in all_made if not isinstance(one, str))
    notes = tuple(one for one in all_made if isinstance(one, str))
    print_json("degrade", DegradedImages(degradation, scale, images, notes))
