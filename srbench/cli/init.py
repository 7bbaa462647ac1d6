"""``srbench init``: write a suite or a recipe to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import say


def init(
    kind: Annotated[str, typer.Argument(metavar="suite|recipe", help="What to write.")],
    name: Annotated[str, typer.Argument(help="Its name, in lower case; the file is NAME.toml.")],
    *,
    into: Annotated[Path, typer.Option("--into", help="Folder to write to.")] = Path(),
) -> None:
    """Write a commented suite or recipe that runs as it is; nothing is overwritten.

    Examples:
      srbench init suite my-suite
      srbench init recipe my-recipe
    """
    from shlex import quote

    from srbench.catalog.starting import write_table

    path = write_table(kind, name, into)
    shown = quote(str(path))
    say(f"wrote {path}")
    typer.echo("\nIt runs as it is. Next:\n")
    what = shown if kind == "suite" else f"--architecture espcn --recipe {shown} --scale 2"
    say(f"  srbench plan {what}")
    say(f"  srbench run {what}")
