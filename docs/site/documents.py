"""Write the tables of JSON documents in docs/json.md from the classes of facts: ``python -m docs.site.documents``."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from docs.site.copying import ROOT
from docs.site.settings import cell_of, meanings
from srbench.cli.json_output import DOCUMENTS, Document
from srbench.recipe import TrainingRecipe
from srbench.records.record import Record
from srbench.scales import RealScale

PAGE = ROOT / "docs" / "json.md"
WITHOUT = {
    "run": "its events are JSON with `--json-log`, and its results are files",
    "search": "the same",
    "export": "what it writes has the facts as metadata, and it prints a sentence about that",
    "push": "it prints the address of what it uploaded",
    "init": "it writes one file, which its arguments name",
    "data remove": "it changes the manifest, and prints that it did",
    "data rename": "the same",
}
"""Commands that print no document, with the reason."""
_REGION = re.compile(r"(<!-- (documents|without) -->\n).*?(<!-- end -->)", re.DOTALL)
_PLAIN: Mapping[Any, tuple[str, str]] = {
    str: ("text", "texts"),
    int: ("whole number", "whole numbers"),
    float: ("number", "numbers"),
    bool: ("`true` or `false`", "truth values"),
    Path: ("path", "paths"),
    datetime: ("time, ISO 8601", "times"),
    type(None): ("null", "nulls"),
    Any: ("any value", "values"),
    int | RealScale: ("scale", "scales"),
}
"""Types in words, one and several."""
_ELSEWHERE = (Record, TrainingRecipe)
"""Classes whose fields other pages describe."""


def page(text: str) -> str:
    """Return the page with its tables as the code says."""
    made = {"documents": "".join(map(_section, DOCUMENTS.values())) + "\n", "without": _without()}
    return _REGION.sub(lambda region: f"{region[1]}{made[region[2]]}{region[3]}", text)


def fields_of(
    kind: type[Any], prefix: str = "", seen: dict[type[Any], str] | None = None
) -> Iterator[tuple[str, str, str]]:
    """Yield path, type and meaning of every field of a class of facts, and of the objects in it, once a class."""
    hints, known, seen = get_type_hints(kind), meanings(kind), {} if seen is None else seen
    names = kind.model_fields if issubclass(kind, BaseModel) else kind.__dataclass_fields__
    for name in names:
        path, inner = _inner(hints[name], f"{prefix}{name}")
        shown = seen.get(inner) if inner else None
        yield f"{prefix}{name}", _type(hints[name]) + (f", as `{shown}`" if shown else ""), known[name]
        if inner is not None and not shown:
            seen[inner] = path
            yield from fields_of(inner, f"{path}.", seen)


def _without() -> str:
    rows = [f"| `srbench {command}` | {reason} |\n" for command, reason in WITHOUT.items()]
    return "".join(["| command | reason |\n| --- | --- |\n", *rows])


def _section(document: Document) -> str:
    rows = [("`schema`", f'`"{document.schema_name}"`', "The kind of document, and its version.")]
    rows += [(f"`{path}`", type_, meaning) for path, type_, meaning in fields_of(document.facts)]
    table = "".join(f"| {' | '.join(map(cell_of, row))} |\n" for row in rows)
    return f"\n### srbench {document.command}\n\n| field | type | meaning |\n| --- | --- | --- |\n{table}"


def _type(hint: Any, *, several: bool = False) -> str:  # noqa: ANN401 - a type
    if hint in _PLAIN:
        return _PLAIN[hint][several]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(option, several=several) for option in inner)
    if origin is Literal:
        return " or ".join(f'`"{word}"`' for word in inner)
    if origin is not None and issubclass(origin, Mapping):
        return f"object{'s' if several else ''} of {_type(inner[1], several=True)}"
    if origin is not None and issubclass(origin, Sequence):
        return f"list{'s' if several else ''} of {_type(inner[0], several=True)}"
    return "objects" if several else "object"


def _inner(hint: Any, path: str) -> tuple[str, type[Any] | None]:  # noqa: ANN401 - a type
    """Return the class of the objects that a field has, with the path to them; None if it has none."""
    if isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, BaseModel)) and hint is not RealScale:
        return path, None if issubclass(hint, _ELSEWHERE) else hint
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return next((found for option in inner if (found := _inner(option, path))[1]), (path, None))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _inner(inner[1], f"{path}.*")
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _inner(inner[0], f"{path}[]")
    return path, None


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
