"""Options that several commands share, and the session they describe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from srbench.planning.suite import Suite
    from srbench.running.session import Session

SuiteName = Annotated[str, typer.Argument(help="A shipped suite's name, or the path of a TOML file.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="SRBENCH_DATA", help="Folder with the datasets.", show_default=False),
]
PluginFiles = Annotated[
    list[Path] | None, typer.Option("--plugin", help="A single-file plugin; may be given several times.")
]
Strict = Annotated[bool, typer.Option("--strict-plugins", help="Make a broken plugin fatal.")]
Results = Annotated[Path, typer.Option("--results", help="Where leaderboards and records go.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="Keep these architectures or distillers; repeat, or separate by commas."),
]
Scales = Annotated[list[str] | None, typer.Option("--scale", help="Keep these scales; repeat, or separate by commas.")]
Datasets = Annotated[list[str] | None, typer.Option("--dataset", help="Keep these datasets.")]
Degradations = Annotated[
    list[str] | None, typer.Option("--degradation", help="Keep these degradations, or try one the suite lacks.")
]
Seeds = Annotated[list[int] | None, typer.Option("--seed", help="Train with these seeds instead of the suite's.")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="Measure the first images only; for trying things out.")
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps, or auto.")]
Threads = Annotated[int, typer.Option("--threads", min=0, help="CPU threads for torch; 0 leaves torch's choice.")]
Weights = Annotated[
    list[Path] | None,
    typer.Option(
        "--weights",
        help="A checkpoint file for the architecture, not trained here; of several, the mean of their weights.",
    ),
]
WeightsFolders = Annotated[
    list[Path] | None,
    typer.Option("--weights-dir", envvar="SRBENCH_WEIGHTS", help="Folder with published checkpoints."),
]
Architectures = Annotated[
    list[str] | None,
    typer.Option("--architecture", help="Run these instead of the suite's; any plugin's, or name.tag."),
]
Distillers = Annotated[list[str] | None, typer.Option("--distiller", help="Train with these instead of the suite's.")]
Teacher = Annotated[str | None, typer.Option("--teacher", help="Teacher for --distiller.")]
Metrics = Annotated[list[str] | None, typer.Option("--metric", help="Measure these too, such as pyiqa:niqe.")]
Tile = Annotated[int | None, typer.Option("--tile", min=0, help="Side of LR tiles in pixels; 0 for whole images.")]
Ensemble = Annotated[
    bool, typer.Option("--self-ensemble", help="Mean over the eight flips and turns of each image, the '+' of EDSR+.")
]
Chop = Annotated[bool, typer.Option("--chop", help="Cut images into quarters as the EDSR family does.")]
Precision = Annotated[str | None, typer.Option("--precision", help="Measure in fp32, bf16 or fp16.")]
RecipeName = Annotated[
    str | None, typer.Option("--recipe", help="Train by this recipe: a preset, 'paper', or a TOML file.")
]


def words(values: list[str] | None) -> tuple[str, ...]:
    """Repeated options and comma lists, flattened."""
    return tuple(part.strip() for value in values or () for part in value.split(",") if part.strip())


def scales(values: list[str] | None) -> tuple[int, ...]:
    """The factors of ``--scale``.

    Raises:
        UsageError: One is not a whole number of at least 2.
    """
    from srbench.errors import UsageError

    for word in words(values):
        if not word.isdecimal() or int(word) < 2:
            raise UsageError(
                f"--scale {word} is not a scale; give a whole number from 2, such as --scale 2 or --scale 2,4."
            )
    return tuple(int(word) for word in words(values))


def resolve_device(name: str) -> str:
    """Return the device to compute on; "auto" takes an accelerator if there is one.

    Raises:
        UsageError: The machine has no such device.
    """
    if name == "cpu":
        return name
    import torch

    from srbench.errors import UsageError

    found = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        return "cpu" if found is None else found.type
    kind, _, index = name.partition(":")
    count = torch.accelerator.device_count() if found is not None and found.type == kind else 0
    if not count or (index and (not index.isdecimal() or int(index) >= count)):
        have = "cpu" if found is None else f"cpu and {torch.accelerator.device_count()} x {found.type}"
        raise UsageError(f"This machine has no device {name!r}; it has {have}. Choose with --device, or --device auto.")
    return name


def data_root(path: Path | None) -> Path | None:
    """The folder of ``--data``, checked."""
    from srbench.errors import DataError

    if path is not None and not path.is_dir():
        raise DataError(
            f"The data folder {path} is no folder; give --data the one that holds Set5, Set14 and the like."
        )
    return path


def make_session(
    suite: Suite, *, plugins: list[Path] | None, strict: bool, data: Path | None, weights: list[Path] | None, on: str,
    threads: int, limit: int | None, log: Path | None = None,
) -> Session:  # fmt: skip
    """The session that the options describe."""
    from srbench.files import cache_root
    from srbench.running.session import Session

    return Session(
        suite=suite.name,
        plugin_files=tuple(path.resolve() for path in plugins or ()),
        strict_plugins=strict,
        data_root=data_root(data),
        weights_folders=tuple(weights or ()),
        cache=cache_root(),
        device=resolve_device(on),
        threads=threads,
        limit=limit,
        images_kept=suite.images_kept,
        log_folder=log,
    )
