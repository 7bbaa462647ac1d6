"""A TOML file as a checked table. Unknown keys are errors that suggest the right one."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from srbench.errors import ConfigError

ScaleValue = Annotated[int, Field(ge=2, le=64, strict=True)]


class Table(BaseModel):
    """A table of a TOML file: frozen, and no key that it does not declare."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


T = TypeVar("T", bound=BaseModel)


def read_table(path: Path, kind: type[T]) -> T:
    """Read a TOML file into a pydantic object.

    Raises:
        ConfigError: File, line or table, what is wrong, and what was expected.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    try:
        return kind.model_validate(_tuples(data), strict=True)
    except ValidationError as error:
        raise ConfigError(_sentence(path, text, kind, error)) from error


def _tuples(value: Any) -> Any:  # noqa: ANN401 - any TOML value
    """TOML arrays as tuples, which strict validation wants: "32" is not 32, and "yes" not true."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return {key: _tuples(item) for key, item in value.items()} if isinstance(value, dict) else value


def _sentence(path: Path, text: str, kind: type[BaseModel], error: ValidationError) -> str:
    # A misspelt key is also a missing one; the misspelling is what helps.
    first = min(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    location = list(first["loc"])
    if not location:  # two keys that do not go together
        return f"{path}: {first['msg'].removeprefix('Value error, ')}."
    while len(location) > 1 and isinstance(location[-1], int):
        location.pop()  # an item of an array stands on the line of its key
    key = str(location[-1])
    line = _line(text, location) or _line(text, location[:-1])  # where an inline table is
    where = f"{path}" + (f", line {line}" if line else "") + _table(location)
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, _fields(kind, location), n=1, cutoff=0.5)
        meant = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(sorted(_fields(kind, location)))}."
        return f"{where}: unknown key {key!r}; {meant}"
    if first["type"] == "missing" and first["loc"][-1] == key:
        return f"{where}: the key {key!r} is missing; add it."
    given = repr(list(first["input"]) if isinstance(first["input"], tuple) else first["input"])
    wanted = re.sub("tuple", "array", first["msg"], flags=re.IGNORECASE)
    return f"{where}: {key} = {given if len(given) < 80 else given[:77] + '…'} does not fit: {wanted}."


def _line(text: str, location: list[Any]) -> int | None:
    """Where a key stands; None for keys of inline tables and for missing ones."""
    if not location:
        return None
    tables, number = [str(part) for part in location[:-1] if isinstance(part, str)], 0
    wanted = next((part for part in location if isinstance(part, int)), 0)
    here: list[str] = []
    for count, row in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([\w.]+)\s*\]+", row):
            number = number + 1 if header[1].split(".") == here else 0
            here = header[1].split(".")
        elif here == tables and number == wanted and re.match(rf"\s*\"?{re.escape(str(location[-1]))}\"?\s*=", row):
            return count
    return None


def _table(location: list[Any]) -> str:
    names = [part for part in location[:-1] if isinstance(part, str)]
    number = next((part for part in location if isinstance(part, int)), None)
    if location and location[0] == "grid" and number is not None:
        return f", [[grid]] {number + 1}"
    return f", [{'.'.join(names)}]" if names else ""


def _fields(kind: type[BaseModel], location: list[Any]) -> list[str]:
    """The keys of the table that a location leads into."""
    for part in location[:-1]:
        if (
            isinstance(part, str)
            and part in kind.model_fields
            and (inner := _table_in(kind.model_fields[part].annotation))
        ):
            kind = inner
    return [name for name in kind.model_fields if name != "origin"]


def _table_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any annotation
    """The table that a field holds, by itself or in an array; None for plain values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((table for part in get_args(annotation) if (table := _table_in(part))), None)
