"""Typed parameters: those of a function or a dataclass, and how they are written in a name, ``width=16,depth=4``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any, TypeVar, get_type_hints

from srbench.errors import ConfigError, UnknownNameError

T = TypeVar("T")


def parameters_of(build: Callable[..., object]) -> Sequence[inspect.Parameter]:
    """Return the parameters of a function or class, with evaluated annotations.

    `inspect.signature` would evaluate inherited fields of a dataclass in the module of the subclass, where their types
    may be unknown.
    """
    function = build.func if isinstance(build, partial) else build
    plain_class = isinstance(function, type) and not is_dataclass(function)
    hints = get_type_hints(function.__init__ if plain_class else function, include_extras=True)
    found = inspect.signature(build).parameters.values()
    return [parameter.replace(annotation=hints.get(parameter.name, parameter.empty)) for parameter in found]


def parameters_text(parameters: object) -> str:
    """Write the fields of a dataclass as they are in a name: "width=16,attention=none,bias=true"."""
    values: Any = parameters
    return ",".join(f"{field.name}={_text(getattr(values, field.name))}" for field in fields(values))


def pairs_text(values: dict[str, Any]) -> str:
    """Write values by the names of their parameters likewise."""
    return ",".join(f"{name}={_text(value)}" for name, value in values.items())


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_parameters(kind: type[T], text: str, owner: str) -> T:
    """Read what `parameters_text` writes; parameters may be in any order, and one with a default may be absent.

    Args:
        kind: The dataclass.
        text: "width=16,depth=4".
        owner: Whose parameters they are, for messages.

    Raises:
        UnknownNameError: The dataclass has no such field.
        ConfigError: A value does not fit, is given twice or is missing, or the values do not fit together.
    """
    from pydantic import TypeAdapter, ValidationError

    known = {parameter.name for parameter in parameters_of(kind)}
    given: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ConfigError(
                f"{owner}:{text}: {part!r} is not a parameter with its value; write, for example, {min(known)}=…"
            )
        if name not in known:
            raise UnknownNameError.among(f"parameter of {owner}", name, known)
        if name in given:
            raise ConfigError(f"{owner}:{text} gives {name} twice; remove one of the two.")
        given[name] = value
    try:
        return TypeAdapter(kind).validate_strings(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        expected = first["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
        if first["loc"]:
            name = str(first["loc"][-1])
            missing = f"the parameter {name} is missing; add it"
            expected = f"{name} = {given[name]!r} does not fit: {expected}" if name in given else missing
        raise ConfigError(f"{owner}:{text}: {expected}.") from error
