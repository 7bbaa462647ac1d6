"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from srbench.cli.help import CHANGE, FILES, KEEP, MACHINE, PLUGINS
from srbench.errors import UsageError
from srbench.planning.overrides import Option, RunOptions, Selection, options_of, scale_above_1
from srbench.scales import Scale

OF_A_RUN = options_of(RunOptions)
_SELECTING = options_of(Selection)
_VALUES = {str: "NAME", int: "N", Path: "FILE"}
"""What help calls the values of options that may be repeated; scales are those of other types."""

SuiteName = Annotated[str, typer.Argument(help="A shipped suite's name, or the path of a TOML file.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", envvar="SRBENCH_DATA", help="Folder with the datasets.", show_default=False, rich_help_panel=FILES
    ),
]
PluginFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin", metavar="FILE", help="A single-file plugin; may be given several times.", rich_help_panel=PLUGINS
    ),
]
Long = Annotated[bool, typer.Option("--long", "-l", help="Show every column, however narrow the terminal is.")]
Strict = Annotated[bool, typer.Option("--strict-plugins", help="Make a broken plugin fatal.", rich_help_panel=PLUGINS)]
KindName = Annotated[str | None, typer.Option("--kind", help="Only the thing of this kind, if several have the name.")]
Results = Annotated[Path, typer.Option("--results", help="Folder for leaderboards and records.", rich_help_panel=FILES)]
Scales = Annotated[
    list[str] | None, typer.Option("--scale", metavar="SCALE", help=OF_A_RUN["scales"][1].help, rich_help_panel=KEEP)
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps, or auto.", rich_help_panel=MACHINE)]
Threads = Annotated[
    int,
    typer.Option("--threads", min=0, help="CPU threads for torch; 0 leaves torch's choice.", rich_help_panel=MACHINE),
]
WeightsFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--weights-dir",
        metavar="DIR",
        envvar="SRBENCH_WEIGHTS",
        help="Folder with published checkpoints.",
        rich_help_panel=FILES,
    ),
]


def with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options that `RunOptions` declares, in place of its parameter ``options``.

    Typer reads a command's options from its signature, so the returned command has a parameter for each of them.
    """
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.name == "options":
            parameters += [_parameter(name, kind, option) for name, (kind, option) in OF_A_RUN.items()]
        else:
            parameters.append(parameter)

    @functools.wraps(command)
    def called(**given: Any) -> None:  # noqa: ANN401 - values of any option
        read = {name: _read(given.pop(name), kind, option) for name, (kind, option) in OF_A_RUN.items()}
        command(**given, options=RunOptions(**read))

    signed: Any = called
    signed.__signature__ = signature.replace(parameters=parameters)
    signed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def _parameter(name: str, kind: Any, option: Option) -> inspect.Parameter:  # noqa: ANN401 - a type
    """Return the parameter for a field of type ``kind``; Typer knows no tuples of any length, but lists."""
    several = get_origin(kind) is tuple
    typed = list[str if option.commas else get_args(kind)[0]] | None if several else kind  # type: ignore[misc]
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if kind is bool else None,
        annotation=Annotated[
            typed,
            typer.Option(
                option.flag,
                metavar=_VALUES.get(get_args(kind)[0], "SCALE") if several else None,
                help=option.help,
                min=None if several else option.least,
                rich_help_panel=KEEP if name in _SELECTING else CHANGE,
            ),
        ],
    )


def _read(typed: Any, kind: Any, option: Option) -> Any:  # noqa: ANN401 - values of any option
    if get_origin(kind) is not tuple:
        return typed
    if not option.commas:
        return tuple(typed or ())
    return words(typed) if get_args(kind)[0] is str else scales(typed)


def words(values: list[str] | None) -> tuple[str, ...]:
    """Return the words of repeated options and of lists with commas.

    A comma before ``parameter=`` does not end a word: it is within a name, such as ``stack:n_blocks=4,n_feats=16``.
    """
    parts = (part.strip() for value in values or () for part in re.split(r",(?!\s*\w+=)", value))
    return tuple(filter(None, parts))


def scales(values: list[str] | None) -> tuple[Scale, ...]:
    """Return the values of ``--scale``.

    Raises:
        UsageError: One is not a scale above 1.
    """
    return tuple(scale_above_1(word, "--scale ") for word in words(values))


def one_scale(value: str) -> Scale:
    """Return the value of a ``--scale`` that takes only one.

    Raises:
        UsageError: It is not one scale above 1.
    """
    factors = scales([value])
    if len(factors) != 1:
        raise UsageError(f"--scale {value} names {len(factors)} scales. Give one scale.")
    return factors[0]


def image_size(option: str, text: str) -> tuple[int, int]:
    """Return height and width of a size that was typed as width x height.

    Raises:
        UsageError: It is not a size.
    """
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if found is None:
        raise UsageError(f"{option} {text} is not an image size; give width x height in pixels, such as 1280x720.")
    return int(found[2]), int(found[1])
