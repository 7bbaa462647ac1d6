"""``srbench cache``: where intermediate results are, what they take, and how to delete them."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import say
from srbench.cli.help import Commands
from srbench.cli.tables import print_table
from srbench.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from srbench.running.cache import Entry

app = Commands(help="Show and delete what trainings and other jobs stored.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """Show what is in the cache: each part with its size, and when it was written.

    Examples:
      srbench cache list
    """
    from srbench.files import cache_root
    from srbench.running.cache import entries_of

    entries = entries_of(cache_root())
    columns, rows = ("part", "entries", "size", "oldest", "newest", "holds"), []
    for name, own in _by_part(entries).items():
        ages = [time.time() - entry.written for entry in own]
        rows.append((name, str(len(own)), _size(own), _age(max(ages)), _age(min(ages)), own[0].part.about))
    if entries:
        print_table("", columns, rows, right=columns[1:5], long=True)
    _say_size(entries)


@app.command()
def size() -> None:
    """Show the size of the whole cache, and where it is.

    Examples:
      srbench cache size
    """
    from srbench.files import cache_root
    from srbench.running.cache import entries_of

    _say_size(entries_of(cache_root()))


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
) -> None:
    """Delete intermediate results, which a run makes again when it needs them.

    Results folders are not touched. Downloads go only if their part is named, or with --all. Nothing is deleted while a
    run uses the cache.

    Examples:
      srbench cache prune --older-than 30 --dry-run
      srbench cache prune --part patches --yes
    """
    from srbench.files import cache_root
    from srbench.running.cache import entries_of
    from srbench.running.cache import prune as prune_cache

    if older_than is None and not part and not everything:
        raise UsageError(
            "Nothing is chosen; give --older-than DAYS, --part NAME or --all, and --dry-run to look first."
        )
    root = cache_root()
    entries = entries_of(root)
    if unknown := set(part or ()) - {entry.part.name for entry in entries} - _part_names():
        raise UnknownNameError.among("part of the cache", min(unknown), _part_names())
    before = time.time() - (older_than or 0) * 86400
    chosen = [
        entry
        for entry in entries
        if entry.written <= before and (entry.part.name in part if part else everything or not entry.part.fetched)
    ]
    for name, own in _by_part(chosen).items():
        say(f"{name}: {_counted(own)}, {_size(own)}")
    if not chosen:
        say(f"Nothing in {root} fits, so nothing is deleted.")
        return
    if dry_run:
        say(f"Would delete {_counted(chosen)}, {_size(chosen)}, in {root}.")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Nothing was deleted: there is no terminal to ask on; add --yes, or --dry-run to look.")
        typer.confirm(f"Delete {_counted(chosen)}, {_size(chosen)}, in {root}?", abort=True)
    gone: list[Entry] = []
    left = prune_cache(root, chosen, gone.append)
    say(f"Deleted {_counted(gone)}, {_size(gone)}.")
    if left:
        say(f"{_counted(left)} left, which a job is working on.")


def _part_names() -> set[str]:
    from srbench.running.cache import PARTS

    return {part.name for part in PARTS}


def _by_part(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Return the entries of each part, the largest part first."""
    parts: dict[str, list[Entry]] = {}
    sizes: Counter[str] = Counter()
    for entry in entries:
        parts.setdefault(entry.part.name, []).append(entry)
        sizes[entry.part.name] += entry.size
    return {name: parts[name] for name, _ in sizes.most_common()}


def _say_size(entries: Sequence[Entry]) -> None:
    from srbench.files import cache_root

    say(f"{_size(entries)} in {_counted(entries)} in {cache_root()}")


def _counted(entries: Sequence[Entry]) -> str:
    return f"{len(entries)} entr{'y' if len(entries) == 1 else 'ies'}"


def _size(entries: Iterable[Entry]) -> str:
    size = float(sum(entry.size for entry in entries))
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _age(seconds: float) -> str:
    from srbench.running.estimate import in_words

    return in_words(max(seconds, 0))
