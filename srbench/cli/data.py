"""``srbench data``: list, check, fetch, add and rename datasets; ``srbench fetch``: networks of perceptual metrics."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import say, warn
from srbench.cli.help import Commands
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import Data, Long
from srbench.cli.tables import print_table
from srbench.errors import UsageError
from srbench.running.places import data_root

if TYPE_CHECKING:
    from srbench.benchmarking.datasets import Datasets

app = Commands(help="List, check, fetch, add, rename and remove datasets.", no_args_is_help=True)

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME…", help="Datasets, as `srbench data list` names them.")
]
Manifest = Annotated[Path | None, typer.Option("--manifest", help="This manifest instead of your own.")]


@app.command("list")
def list_(
    pattern: Annotated[str, typer.Argument(help="Wildcard for names, such as 'div2k*'.")] = "*",
    *,
    long: Long = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show every known dataset and what is there of it; opens no image.

    Examples:
      srbench data list
      srbench data list 'set*' --data ~/datasets
    """
    from srbench.benchmarking.datasets import list_datasets

    found = list_datasets(data_root(data), pattern)
    if json:
        print_json("data list", found)
    else:
        _print(found, long=long)
        if not found.datasets:
            warn(f"No name matches {pattern!r}.")
        say(f"Data root: {found.root}" if found.root else "No data root is given: --data DIR or SRBENCH_DATA.")


def _print(found: Datasets, *, long: bool) -> None:
    from rich.text import Text

    rows = [
        (
            own.name,
            own.split,
            f"{own.found} of {'unknown' if own.images is None else own.images}",
            Text(own.state, "" if own.state in {"absent", "here"} else "red"),
            own.license,
        )
        for own in found.datasets
    ]
    if rows:
        print_table("", ("name", "split", "images", "state", "licence"), rows, long=long)


@app.command()
def verify(
    names: Names = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Check every dataset that is here.")] = False,
    lr: Annotated[
        bool, typer.Option("--lr", help="Compare the LR that datasets provide with bicubic reduction by srbench.")
    ] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Compare datasets with the manifest, image by image; exit 1 if one is faulty.

    Examples:
      srbench data verify set5 set14 --data ~/datasets
      srbench data verify --all --data ~/datasets
    """
    from srbench.benchmarking.datasets import Verified, verify_datasets

    if bool(names) == everything:
        raise UsageError("No dataset is named; name those to check, or give --all for every one that is here.")
    checked = []
    for own in verify_datasets(data_root(data), names or (), lr=lr):
        checked.append(own)
        if not json:
            say(f"{own.name}: {own.state}, {own.images} images, content {own.content[:12]}")
            _say_below((*own.lr, *own.problems, *own.notes, *own.lr_compared))
    found = Verified(tuple(checked))
    if json:
        print_json("data verify", found)
    raise typer.Exit(1 if found.faulty else 0)


def _say_below(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        say(f"  {sentence}")


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Datasets to download.")],
    *,
    data: Data = None,
    json: Json = False,
) -> None:
    """Download datasets that have a public address, unpack them below the data root, and check them.

    Examples:
      srbench data fetch div2k_valid --data ~/datasets
    """
    from srbench.benchmarking.datasets import Fetched, fetch_datasets

    fetched = []
    for own in fetch_datasets(names, data):
        fetched.append(own)
        if not json:
            there = f"{own.written} files written, {own.images} images of it checked"
            say(f"{own.name}: {there if own.written else f'here already, {own.images} images'}")
    if json:
        print_json("data fetch", Fetched(tuple(fetched)))


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the dataset, in lower_snake_case.")],
    path: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…",
            help="Folder of its images, in any layout that srbench knows; or archives: zip, tar, LMDB, Parquet.",
        ),
    ],
    *,
    split: Annotated[str, typer.Option("--split", help="test or train.")] = "test",
    licence: Annotated[str, typer.Option("--license", help="SPDX id or a few words.")] = "unknown",
    citation: Annotated[str, typer.Option("--citation", help="Publication to cite.")] = "unknown",
    unpaired: Annotated[bool, typer.Option("--unpaired", help="Its images are lr without hr.")] = False,
    lr_suffix: Annotated[
        str, typer.Option("--lr-suffix", help="Ending of its LR names if srbench does not know it, such as _mine.")
    ] = "",
    manifest: Manifest = None,
    json: Json = False,
) -> None:
    """Record a folder or archives of images as a dataset, with the size and hash of each; never replaces one.

    Images that cannot be read or are too small are left out. Archives are unpacked once, into the cache.

    Examples:
      srbench data add my_set ~/images
      srbench data add phone_lr ~/photos --unpaired --license CC0-1.0
      srbench data add my_shards 'shards/train-*.tar' --split train
    """
    from srbench.benchmarking.datasets import add_dataset

    added = add_dataset(
        name, path, manifest, split=split, licence=licence, citation=citation, truth=not unpaired, lr_suffix=lr_suffix
    )
    if json:
        print_json("data add", added)
        return
    how = "" if added.own else f"; set SRBENCH_DATASETS={added.manifest} to use it"
    say(f"{name}: {added.images} images recorded in {added.manifest}{how}.")
    _say_below(added.notes)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="A dataset of your own manifest.")],
    *,
    manifest: Manifest = None,
) -> None:
    """Forget a dataset that you added; its images stay where they are.

    Examples:
      srbench data remove my_set
    """
    from srbench.benchmarking.datasets import remove_dataset

    say(f"{name} is removed from {remove_dataset(name, manifest)}; its images are where they were.")


@app.command()
def rename(
    old: Annotated[str, typer.Argument(help="A dataset of your own manifest.")],
    new: Annotated[str, typer.Argument(help="Its new name, in lower_snake_case.")],
    *,
    manifest: Manifest = None,
) -> None:
    """Give a dataset that you added another name; recipes, suites and results that name it stay as they are.

    Examples:
      srbench data rename my_set street_photographs
    """
    from srbench.benchmarking.datasets import rename_dataset

    own = rename_dataset(old, new, manifest)
    say(f"{old} is {new} in {own} now; recipes, suites and results that name it stay as they are.")


def fetch_network(
    what: Annotated[str, typer.Argument(help="lpips (AlexNet's convolutions), lpips-vgg, or vgg19.")],
    *,
    optional: Annotated[
        bool, typer.Option("--optional", help="Exit 0 even if no source answers; the column then stays empty.")
    ] = False,
    json: Json = False,
) -> None:
    """Download a perceptual network once, and check its hash.

    Examples:
      srbench fetch lpips
    """
    from srbench.networks.imagenet import fetch_named

    found = fetch_named(what, optional=optional)
    if found.reason:
        warn(found.reason)
    if json:
        print_json("fetch", found)
    elif found.path:
        say(f"{what}: {found.path}")
