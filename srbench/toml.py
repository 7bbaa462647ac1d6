"""TOML files as checked tables. Every fault becomes one sentence: file, line, table, key, and what was expected."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from srbench.errors import ConfigError, nearest
from srbench.scales import Scale, read_scale

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ScaleValue = Annotated[Scale, BeforeValidator(read_scale)]
"""A scale in a file: 2, 2.3 or "3.7x1.5"."""

Location: TypeAlias = tuple[str | int, ...]
"""Keys and positions in arrays from the top of a file to a value: ``("grid", 1, "scales")``."""

T = TypeVar("T", bound=BaseModel)

_OTHER_WORDS = {
    "lr": "learning_rate",
    "wd": "weight_decay",
    "batch_size": "batch",
    "patch_size": "patch",
    "epochs": "steps",
    "iterations": "steps",
    "optimizer": "optimiser",
    "criterion": "losses",
    "model": "architectures",
    "models": "architectures",
    "networks": "architectures",
}
"""What other programs call some keys."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ESCAPED_PATH = re.compile(r'=\s*\[?\s*"[^"\n]*\\[^"\n]*"')
"""A value in double quotes with a backslash in it, as Windows writes paths."""


class Table(BaseModel):
    """A table of a TOML file: frozen, and no key that it does not declare."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_table(path: Path, kind: type[T]) -> T:
    """Read a whole TOML file into a pydantic object; see `read_toml` and `TomlFile.table`."""
    return read_toml(path).table(kind)


def read_toml(path: Path) -> TomlFile:
    """Read a TOML file.

    Raises:
        ConfigError: It cannot be read, or is not TOML.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror or error}); give a TOML file in UTF-8.") from error
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        return TomlFile(path, text, _tuples(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        advice = "correct that place"
        if _ESCAPED_PATH.search(text):
            advice = "in double quotes a backslash starts an escape: write paths with / or in single quotes"
        raise ConfigError(f"{path} is not valid TOML: {error}; {advice}.") from error
    except UnicodeDecodeError as error:
        what = "text in UTF-16" if content.startswith(_UTF16) else f"not text in UTF-8 (byte {error.start})"
        raise ConfigError(f"{path} is {what}; save it as UTF-8.") from error


def _tuples(value: Any) -> Any:  # noqa: ANN401 - any TOML value
    """TOML arrays as tuples, which strict validation wants: "32" is not 32, and "yes" not true."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return {key: _tuples(item) for key, item in value.items()} if isinstance(value, dict) else value


@dataclass(frozen=True)
class TomlFile:
    """A TOML file that was read."""

    path: Path
    text: str
    data: dict[str, Any]
    """Its tables, with tuples for arrays."""

    def table(self, kind: type[T], at: Location = ()) -> T:
        """Read the table at a location, or the whole file, into a pydantic object.

        Raises:
            ConfigError: A key is missing, unknown or has a wrong value.
        """
        try:
            return kind.model_validate(_value(self.data, at), strict=True)
        except ValidationError as error:
            raise self._explained(error, kind, at) from error

    def check(self, value: object, annotation: Any, at: Location) -> None:  # noqa: ANN401 - a type
        """Refuse a value that is not of the type ``annotation``.

        Raises:
            ConfigError: See above.
        """
        try:
            TypeAdapter(annotation).validate_python(value, strict=True)
        except ValidationError as error:
            raise self.unfit(value, _expected(error.errors(include_url=False)), at) from error

    def unfit(self, value: object, expected: str, at: Location) -> ConfigError:
        """Return the error for a value that is not what was expected."""
        while isinstance(at[-1], int):
            at = at[:-1]  # an item of an array is in the line and table of its key
        shown = repr(list(value) if isinstance(value, tuple) else value)
        shown = shown if len(shown) < 80 else f"{shown[:77]}…"
        return self.fault(f"{at[-1]} = {shown} does not fit: {expected}.", at)

    def fault(self, sentence: str, at: Location = ()) -> ConfigError:
        """Return the error that says what is wrong, and where: in the line of a key, or else of the table around it."""
        lines, headers = _scan(self.text, self.data)
        line = next((lines[at[:end]] for end in range(len(at), 0, -1) if at[:end] in lines), None)
        table = at if at in headers or (at and isinstance(at[-1], int)) else at[:-1]
        where = [str(self.path), *([f"line {line}"] if line else []), *_described(table, headers)]
        return ConfigError(f"{', '.join(where)}: {sentence}")

    def _explained(self, error: ValidationError, kind: type[BaseModel], at: Location) -> ConfigError:
        data, faults = _value(self.data, at), error.errors(include_url=False)
        # A misspelt key is also a missing one; the misspelling is what helps.
        first = min(faults, key=lambda fault: fault["type"] != "extra_forbidden")
        place = _place(data, first)
        if first["type"] == "extra_forbidden":
            key, keys = str(place[-1]), sorted(_keys(kind, place))
            usual = _OTHER_WORDS.get(key.lower(), "")
            near = usual if usual in keys else nearest(key, keys)
            meant = f"did you mean {near!r}?" if near else f"the keys are {', '.join(keys)}."
            return self.fault(f"unknown key {key!r}; {meant}", (*at, *place))
        if first["type"] == "missing" and isinstance(first["loc"][-1], str):
            key = first["loc"][-1]
            return self.fault(f"the key {key!r} is missing; add it.", (*at, *place, key))
        expected = _expected([fault for fault in faults if _place(data, fault) == place])
        if not place:  # two keys that do not go together
            return self.fault(f"{expected}.", at)
        return self.unfit(_value(data, place), expected, (*at, *place))


def _value(data: Any, at: Location) -> Any:  # noqa: ANN401 - any TOML value
    for part in at:
        data = data[part]
    return data


def _place(data: Any, fault: Any) -> Location:  # noqa: ANN401 - a TOML value, and what pydantic reports
    """The keys that lead to a fault. Pydantic puts names of types between them where a value may have several."""
    place: list[str | int] = []
    for part in fault["loc"]:
        if part in data if isinstance(data, dict) else isinstance(data, tuple) and part in range(len(data)):
            data = data[part]
            place.append(part)
    return tuple(place)


_WORDING = {
    "^Value error, ": "",
    "^Field required": "more values are needed",
    "^Input should be (?=greater|less)": "expected a number ",
    "^Input should be ": "expected ",
    "(?i)tuple": "array",
    " after validation": "",
}


def _expected(faults: Sequence[Any]) -> str:
    """Return what was expected, from pydantic's message for each type that the value may have."""
    wanted = list(dict.fromkeys(fault["msg"] for fault in faults))
    for old, new in _WORDING.items():
        wanted = [re.sub(old, new, text) for text in wanted]
    return " or ".join(text[:1].lower() + text[1:] for text in wanted).replace(" or expected ", " or ")


def _scan(text: str, data: dict[str, Any]) -> tuple[dict[Location, int], dict[Location, str]]:
    """The line of every header and of every key that begins a line; every header in words."""
    lines: dict[Location, int] = {}
    headers: dict[Location, str] = {}
    lengths: dict[Location, int] = {}
    here: Location = ()
    for number, row in enumerate(text.splitlines(), 1):
        header = re.fullmatch(r"\s*(\[\[?)\s*([\w.\"'-]+)\s*\]\]?\s*(#.*)?", row)
        if header and _names(header[2])[0] in data:  # and not a row of an array
            here = ()
            for name in _names(header[2]):
                here = (*here, lengths[here], name) if here in lengths else (*here, name)
                lines.setdefault(here, number)
            if header[1] == "[[":
                lengths[here] = lengths.get(here, -1) + 1
                here = (*here, lengths[here])
            lines[here] = number
            headers[here] = f"[[{header[2]}]] {lengths[here[:-1]] + 1}" if header[1] == "[[" else f"[{header[2]}]"
        elif key := re.match(r"\s*([\w.\"'-]+)\s*=", row):
            lines.setdefault((*here, *_names(key[1])), number)
    return lines, headers


def _names(dotted: str) -> list[str]:
    return [name.strip("\"'") for name in dotted.split(".")]


def _described(table: Location, headers: dict[Location, str]) -> list[str]:
    """A table in words: its header, and the keys and numbers of tables that are written in one line."""
    end = next((end for end in range(len(table), 0, -1) if table[:end] in headers), 0)
    words = [headers[table[:end]]] if end else []
    for part in table[end:]:
        words = [*words[:-1], f"{words[-1]} {part + 1}"] if isinstance(part, int) else [*words, part]
    return words


def _keys(kind: type[BaseModel], place: Location) -> list[str]:
    """The keys of the table that a location leads into."""
    for part in place[:-1]:
        field = kind.model_fields.get(part) if isinstance(part, str) else None
        kind = (field and _table_in(field.annotation)) or kind
    return [name for name, field in kind.model_fields.items() if not field.exclude]


def _table_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any annotation
    """The table that a field holds, by itself or in an array; None for plain values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((table for part in get_args(annotation) if (table := _table_in(part))), None)
