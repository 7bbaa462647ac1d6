"""``srbench data``: list, check, fetch, add and rename datasets; ``srbench fetch``: networks of perceptual metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from srbench.cli.console import plain_console, say, warn
from srbench.cli.help import Commands
from srbench.cli.options import Data, Long
from srbench.cli.tables import print_table
from srbench.errors import DataError, UnavailableError, UnknownNameError, UsageError
from srbench.running.places import data_root

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
) -> None:
    """Show every known dataset and what is there of it; opens no image.

    Examples:
      srbench data list
      srbench data list 'set*' --data ~/datasets
    """
    from fnmatch import fnmatchcase

    from rich.text import Text

    from srbench.catalog.catalog import load_catalog
    from srbench.datasets.layouts import find_images

    root = data_root(data)
    rows = []
    datasets = load_catalog().datasets
    for spec in (datasets[name] for name in datasets if fnmatchcase(name, pattern)):
        known = spec.images if spec.images is not None else "unknown"
        try:
            found = len(find_images(spec, root).hr)
            state = "absent" if not found else "here" if known in {found, "unknown"} else "incomplete or mixed"
        except DataError:  # of labels that cannot be read, which `srbench data verify` explains
            found, state = 0, "faulty"
        shown = Text(state, "" if state in {"absent", "here"} else "red")
        rows.append((spec.name, spec.split, f"{found} of {known}", shown, spec.license))
    if rows:
        print_table("", ("name", "split", "images", "state", "licence"), rows, long=long)
    else:
        warn(f"No name matches {pattern!r}.")
    say(f"Data root: {root}" if root else "No data root is given: --data DIR or SRBENCH_DATA.")


@app.command()
def verify(
    names: Names = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Check every dataset that is here.")] = False,
    lr: Annotated[
        bool, typer.Option("--lr", help="Compare the LR that datasets provide with bicubic reduction by srbench.")
    ] = False,
    data: Data = None,
) -> None:
    """Compare datasets with the manifest, image by image; exit 1 if one is faulty.

    Examples:
      srbench data verify set5 set14 --data ~/datasets
      srbench data verify --all --data ~/datasets
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.datasets.library import Library
    from srbench.measuring.provided_lr import compare_with_ours

    if bool(names) == everything:
        raise UsageError("No dataset is named; name those to check, or give --all for every one that is here.")
    catalog = load_catalog()
    library = Library(data_root(data), catalog.datasets)
    console = plain_console()
    faulty = False
    for name in names or catalog.datasets:
        spec = catalog.datasets[name]
        found = library.verification(spec)
        if not found.present:
            if names:
                library.images(spec)  # raises, saying where to get it
            continue
        faulty = faulty or found.state == "faulty"
        console.print(f"{name}: {found.state}, {len(found.images)} images, content {found.content_hash[:12]}")
        for text in (*found.lr_summary(), *found.all_problems, *found.notes):
            console.print(f"  {text}")
        if lr:
            for text in compare_with_ours(found, catalog.degradations):
                console.print(f"  {text}")
    raise typer.Exit(1 if faulty else 0)


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Datasets to download.")],
    *,
    data: Data = None,
) -> None:
    """Download datasets that have a public address, unpack them below the data root, and check them.

    Examples:
      srbench data fetch div2k_valid --data ~/datasets
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.datasets.archives import fetch_dataset
    from srbench.datasets.library import Library

    catalog = load_catalog()
    specs = [catalog.datasets[name] for name in names]
    if data is None:
        raise UsageError("No folder for the datasets is given; pass one with --data DIR or SRBENCH_DATA.")
    console = plain_console()
    library = Library(data if data.is_dir() else None, catalog.datasets)
    for spec in specs:
        if library.verification(spec).absent:
            library.images(spec)  # raises, saying how to get it
        if library.verification(spec).state in {"complete", "unchecked"}:
            console.print(f"{spec.name}: here already, {len(library.images(spec))} images")
            continue
        written = fetch_dataset(spec, data)
        library = Library(data, catalog.datasets)
        console.print(f"{spec.name}: {written} files written, {len(library.images(spec))} images of it checked")


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
) -> None:
    """Record a folder or archives of images as a dataset, with the size and hash of each; never replaces one.

    Images that cannot be read or are too small are left out. Archives are unpacked once, into the cache.

    Examples:
      srbench data add my_set ~/images
      srbench data add phone_lr ~/photos --unpaired --license CC0-1.0
      srbench data add my_shards 'shards/train-*.tar' --split train
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.datasets.adding import describe
    from srbench.datasets.manifest import user_manifest
    from srbench.datasets.recording import record
    from srbench.datasets.verification import verify

    own = manifest or user_manifest()
    known = load_catalog().datasets
    added = describe(
        name, path, split=split, licence=licence, citation=citation, truth=not unpaired, lr_suffix=lr_suffix,
        known=known.values(),
    )  # fmt: skip
    record(own, added.spec, taken=tuple(known))
    console = plain_console()
    how = "" if own == user_manifest() else f"; set SRBENCH_DATASETS={own} to use it"
    console.print(f"{name}: {added.spec.images} images recorded in {own}{how}.")
    found = verify(added.spec, None)
    for text in (*added.notes, *found.lr_summary(), *found.all_problems, *found.notes):
        console.print(f"  {text}")


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
    from srbench.catalog.catalog import load_catalog
    from srbench.datasets.manifest import user_manifest
    from srbench.datasets.recording import remove as remove_from

    own = manifest or user_manifest()
    remove_from(own, name, tuple(load_catalog().datasets))
    say(f"{name} is removed from {own}; its images are where they were.")


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
    from srbench.catalog.catalog import load_catalog
    from srbench.datasets.manifest import user_manifest
    from srbench.datasets.recording import rename as rename_in

    own = manifest or user_manifest()
    rename_in(own, old, new, tuple(load_catalog().datasets))
    say(f"{old} is {new} in {own} now; recipes, suites and results that name it stay as they are.")


def fetch_network(
    what: Annotated[str, typer.Argument(help="lpips (AlexNet's convolutions), lpips-vgg, or vgg19.")],
    *,
    optional: Annotated[
        bool, typer.Option("--optional", help="Exit 0 even if no source answers; the column then stays empty.")
    ] = False,
) -> None:
    """Download a perceptual network once, and check its hash.

    Examples:
      srbench fetch lpips
    """
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
        say(f"{what}: {path}")
