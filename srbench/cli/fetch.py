"""``srbench fetch``: the perceptual networks that metrics and losses need."""

from __future__ import annotations

from typing import Annotated

import typer

from srbench.cli.console import warn


def fetch(
    what: Annotated[str, typer.Argument(help="lpips (AlexNet's convolutions), lpips-vgg, or vgg19.")],
    *,
    optional: Annotated[
        bool, typer.Option("--optional", help="Exit 0 even where no source answers; the column then stays empty.")
    ] = False,
) -> None:
    """Get a perceptual network once, from whichever source answers, and check it by its hash."""
    from srbench.errors import UnavailableError, UnknownNameError
    from srbench.networks.imagenet import fetch_lpips_trunk, fetch_vgg19

    if what not in (known := ("lpips", "lpips-vgg", "vgg19")):
        raise UnknownNameError.among("network to fetch", what, known)
    try:
        path = fetch_vgg19() if what == "vgg19" else fetch_lpips_trunk("vgg" if what == "lpips-vgg" else "alex")
    except UnavailableError as error:
        if not optional:
            raise
        warn(str(error))
    else:
        typer.echo(f"{what}: {path}")
