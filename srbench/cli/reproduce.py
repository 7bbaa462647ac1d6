"""``srbench reproduce``: how a row of results was made, and whether it can be made again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import say
from srbench.cli.following import JsonFile, Quiet, following
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import Data, PluginFiles, WeightsFolders
from srbench.cli.tables import print_table, print_text

if TYPE_CHECKING:
    from srbench.benchmarking.reproduction import Reproduction


def reproduce(
    row: Annotated[
        str, typer.Argument(help="A row of a results folder: results#edsr_small, or by its key: results#1be91a3a.")
    ],
    method: Annotated[
        str | None, typer.Argument(metavar="[ROW]", help="The row, if the folder alone is given before it.")
    ] = None,
    *,
    run: Annotated[bool, typer.Option("--run", help="Make it again, and compare.")] = False,
    results: Annotated[
        Path | None, typer.Option("--results", help="With --run, keep what is made in this empty folder.")
    ] = None,
    data: Data = None,
    weights_dir: WeightsFolders = None,
    plugin: PluginFiles = None,
    device: Annotated[str | None, typer.Option("--device", help="Instead of the recorded one.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Instead of the recorded number.")] = None,
    quiet: Quiet = False,
    json_log: JsonFile = None,
    json: Json = False,
) -> None:
    """Print the commands that made a row of results, with its suite and its recipes, as a script.

    With --run, the row is made again, without anything cached, and compared: exit status 1 if it is not reproduced.

    Examples:
      srbench reproduce results#edsr_small > again.sh
      srbench reproduce results edsr_small
      srbench reproduce results#1be91a3a --run --data ~/datasets
    """
    from srbench.benchmarking.outcomes import reproduced_row
    from srbench.benchmarking.reproduce import instructions, make_again
    from srbench.benchmarking.reproduction import compare_rows
    from srbench.report.rows import SEPARATOR, records_beside, row_named

    row = row if method is None else f"{row}{SEPARATOR}{method}"
    folders, result = weights_dir or (), None
    others = records_beside(row)
    how = instructions(row_named(row, failed=True), data, others)
    if run:
        with following(quiet=quiet or json, json_log=json_log) as listener:
            after = make_again(
                how, results, listener, data=data, weights_folders=folders, plugin_files=plugin or (),
                device=device, threads=threads,
            )  # fmt: skip
        result = compare_rows(how.record, after, others)
    if json:
        command = how.command(data=data, weights_folders=folders)
        print_json("reproduce", reproduced_row(row, how, command, result))
    elif result is None:
        sys.stdout.write(how.script(data=data, weights_folders=folders))
    else:
        _print(result, row)
    if result is not None and not result.reproduced:
        raise typer.Exit(1)


def _print(result: Reproduction, row: str) -> None:
    """Print the scores beside each other, what differs, and the verdict."""
    rows = [
        (
            pair.column,
            "" if pair.before is None else repr(pair.before),
            "" if pair.after is None else repr(pair.after),
            "" if pair.difference is None else f"{pair.difference:+.2g}",
            "equal" if pair.bound == 0 else f"{pair.bound:g}",
            "yes" if pair.reproduced else "NO",
        )
        for pair in result.scores
    ]
    heads = ("score", "recorded", "now", "difference", "bound", "within")
    print_table("", heads, rows, right=heads[1:5], long=True)
    if result.same_weights is not None:
        print_text(f"weights: {'equal, bit by bit' if result.same_weights else 'different bits'}")
    for sentence in result.differing:
        print_text(f"differs: {sentence}")
    if not result.same_images:
        print_text("The dataset has other images than the recorded ones.")
    how = "bit by bit" if result.exact or all(pair.difference == 0 for pair in result.scores) else "within the bounds"
    say(f"{row} is reproduced {how}." if result.reproduced else f"{row} is NOT reproduced.")
