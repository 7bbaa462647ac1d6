"""``srbench cache``: where intermediate results are, what they take, and how to delete them."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import say
from srbench.cli.help import Commands
from srbench.cli.json_output import Json, print_json
from srbench.cli.tables import print_table
from srbench.errors import UsageError

if TYPE_CHECKING:
    from srbench.running.cache_contents import CacheContents, CachePart, Pruned

app = Commands(help="Show and delete what trainings and other jobs stored.", no_args_is_help=True)


@app.command("list")
def list_(*, json: Json = False) -> None:
    """Show what is in the cache: each part with its size, and when it was written.

    Examples:
      srbench cache list
    """
    from srbench.files import cache_root
    from srbench.running.cache_contents import contents_of

    contents = contents_of(cache_root())
    if json:
        print_json("cache list", contents)
        return
    columns = ("part", "entries", "size", "oldest", "newest", "holds")
    rows = [
        (own.part, str(own.entries), _size(own), _age(own.oldest), _age(own.newest), own.about)
        for own in contents.parts
    ]
    if rows:
        print_table("", columns, rows, right=columns[1:5], long=True)
    _say_size(contents)


@app.command()
def size(*, json: Json = False) -> None:
    """Show the size of the whole cache, and where it is.

    Examples:
      srbench cache size
    """
    from srbench.files import cache_root
    from srbench.running.cache_contents import contents_of

    contents = contents_of(cache_root())
    if json:
        print_json("cache size", contents)
    else:
        _say_size(contents)


@app.command()
def prune(
    *,
    older_than: Annotated[
        float | None, typer.Option("--older-than", min=0, metavar="DAYS", help="Only what was written before that.")
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option("--part", help="Only this part, such as train or patches; may be given several times."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All parts of any age, downloads too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted, and delete nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete intermediate results, which a run makes again when it needs them.

    Results folders are not touched. Downloads go only if their part is named, or with --all. Nothing is deleted while a
    run uses the cache.

    Examples:
      srbench cache prune --older-than 30 --dry-run
      srbench cache prune --part patches --yes
    """
    from srbench.files import cache_root
    from srbench.running.cache_contents import chosen_entries, contents_of, prune_chosen

    root = cache_root()
    entries = chosen_entries(root, older_than, part or (), everything=everything)
    chosen = contents_of(root, entries)
    if not json:
        for own in chosen.parts:
            say(f"{own.part}: {_counted(own)}, {_size(own)}")
    if entries and not dry_run and not yes:
        if json or not sys.stdin.isatty():
            raise UsageError("Nothing was deleted: there is no terminal to ask on; add --yes, or --dry-run to look.")
        typer.confirm(f"Delete {_counted(chosen)}, {_size(chosen)}, in {root}?", abort=True)
    pruned = prune_chosen(root, entries, dry_run=dry_run)
    if json:
        print_json("cache prune", pruned)
    else:
        _say_pruned(pruned)


def _say_pruned(pruned: Pruned) -> None:
    chosen, gone, left = pruned.chosen, pruned.deleted, pruned.left
    if not chosen.entries:
        say(f"Nothing in {chosen.root} fits, so nothing is deleted.")
    elif pruned.dry_run:
        say(f"Would delete {_counted(chosen)}, {_size(chosen)}, in {chosen.root}.")
    else:
        say(f"Deleted {_counted(gone)}, {_size(gone)}.")
        if left.entries:
            say(f"{_counted(left)} left, which a job is working on.")


def _say_size(contents: CacheContents) -> None:
    say(f"{_size(contents)} in {_counted(contents)} in {contents.root}")


def _counted(some: CacheContents | CachePart) -> str:
    return f"{some.entries} entr{'y' if some.entries == 1 else 'ies'}"


def _size(some: CacheContents | CachePart) -> str:
    size = float(some.bytes)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _age(written: datetime) -> str:
    from srbench.running.estimate import in_words

    return in_words(max(time.time() - written.timestamp(), 0))
