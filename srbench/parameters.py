"""Typed parameters: those of a function or a dataclass, and how they are written in a name, ``width=16,depth=4``."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from srbench.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from pydantic import ValidationError

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
    known = {parameter.name: parameter for parameter in parameters_of(kind)}
    given: dict[str, Any] = {}
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
        given[name] = _value(known[name].annotation, value, f"{owner}:{text}: {name} = {value!r} does not fit")
    for name, parameter in known.items():
        if name not in given and parameter.default is parameter.empty:
            raise ConfigError(f"{owner}:{text}: the parameter {name} is missing; add it.")
    try:
        return kind(**given)
    except ValueError as error:
        raise ConfigError(f"{owner}:{text}: {error}.") from error


def _value(annotation: Any, text: str, fault: str) -> Any:  # noqa: ANN401 - a type and a value of it
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(annotation)
    try:
        return adapter.validate_strings(text)
    except ValidationError as error:
        with suppress(ValueError):  # numbers that a type lists one by one are not read from strings
            return adapter.validate_python(json.loads(text), strict=True)
        raise ConfigError(f"{fault}: {_expected(error)}.") from error


def check_parameter(kind: type, name: str, value: object, owner: str) -> None:
    """Refuse a value that one parameter cannot have, as a value of a file and not as text.

    Args:
        kind: The dataclass.
        name: The parameter.
        value: The value.
        owner: Whose parameters they are, for messages.

    Raises:
        UnknownNameError: The dataclass has no such field.
        ConfigError: The value does not fit.
    """
    from pydantic import TypeAdapter, ValidationError

    known = {parameter.name: parameter.annotation for parameter in parameters_of(kind)}
    if name not in known:
        raise UnknownNameError.among(f"parameter of {owner}", name, known)
    try:
        TypeAdapter(known[name]).validate_python(value, strict=True)
    except ValidationError as error:
        raise ConfigError(f"{name} = {value!r} does not fit {owner}: {_expected(error)}.") from error


def _expected(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return first["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
