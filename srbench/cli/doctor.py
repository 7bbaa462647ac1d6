"""``srbench doctor``: find out why scores, data, weights, a machine or tiles are not what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import warn
from srbench.cli.help import Commands
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import Long, one_scale
from srbench.cli.tables import print_table, print_text

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
