"""Write the tables of keys in docs/suites.md, docs/search.md and docs/recipes.md from the classes that read them.

Call it as ``python -m docs.site.settings``. The text around the tables is written by hand.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from docs.site.copying import ROOT
from srbench.planning.needs import NeedsOfKind
from srbench.planning.search import Choices, Limits, Search
from srbench.planning.suite import Grid, Suite
from srbench.profiling.settings import Profiling
from srbench.recipe import Recipe, RecognitionRecipe, TrainingRecipe

PAGES = tuple(ROOT / "docs" / name for name in ("suites.md", "search.md", "recipes.md"))
TABLES = {
    kind.__name__: kind
    for kind in (
        Suite,
        Grid,
        Profiling,
        NeedsOfKind,
        Search,
        Limits,
        Choices,
        TrainingRecipe,
        Recipe,
        RecognitionRecipe,
    )
}
"""Classes by the name in a page's ``<!-- keys of NAME -->``."""
MADE_FROM = {"grid": ({"architectures": ("bicubic",), "datasets": ("set5",), "scales": (2,)},), "name": "a"}
"""The least that a suite says; what it then has otherwise is a default."""
_REGION = re.compile(r"(?<=<!-- keys of )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
_SINGULAR = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
_PLURAL = {"string": "texts", "integer": "whole numbers", "number": "numbers"}
_READ_FIRST = {
    "scales": "list of scales", "start_from_scale": "scale", "weights": "text or list of texts",
    "teacher_weights": "text or list of texts",
}  # fmt: skip
"""Types of keys that a function reads before they are checked, which a schema does not know."""


def keys_of(kind: type[BaseModel]) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, type, default and meaning of every key of a table that its base class does not have."""
    schema = kind.model_json_schema()
    inherited = {name for base in kind.__mro__[1:] if base in TABLES.values() for name in base.__annotations__}
    known = meanings(kind)
    usual = Suite.model_validate(MADE_FROM) if kind is Suite else None
    for name, field in kind.model_fields.items():
        if field.exclude or (name in inherited and name not in kind.__annotations__):
            continue
        facts = schema["properties"][name]
        if not field.is_required():
            default = _value(facts["default"])
        elif usual is not None and name not in MADE_FROM:
            default = _value(getattr(usual, name))
        else:
            default = "required"
        yield name, _READ_FIRST.get(name) or _type(facts), default, known[name]


def page(text: str) -> str:
    """Return a page with its tables as the code says."""
    return _REGION.sub(lambda region: f"{region[1]}{region[2]}{_table(TABLES[region[1]])}", text)


def _table(kind: type[BaseModel]) -> str:
    rows = [("key", "type", "default", "meaning"), ("---",) * 4]
    rows += [(f"`{name}`", *map(cell_of, (type_, default, meaning))) for name, type_, default, meaning in keys_of(kind)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _type(facts: Mapping[str, Any]) -> str:
    """Return the type of a JSON schema in words, with its bounds."""
    if "anyOf" in facts:
        return _type(next(option for option in facts["anyOf"] if option.get("type") != "null"))
    if "enum" in facts:
        return " or ".join(f'`"{word}"`' for word in facts["enum"])
    kind = facts.get("type", "table")
    if kind == "array":
        return _list(facts)
    if kind == "object":
        items = facts["additionalProperties"]
        return "tables" if "$ref" in items else f"table of {'lists' if items.get('type') == 'array' else 'numbers'}"
    return _SINGULAR.get(kind, kind) + _bounds(facts)


def _list(facts: Mapping[str, Any]) -> str:
    items = facts.get("items", {})
    if "prefixItems" in facts:
        first = facts["prefixItems"][0]
        return f"list of {len(facts['prefixItems'])} {_PLURAL[first['type']]}{_bounds(first)}"
    if "$ref" in items:
        return "tables"
    many = items["type"] == "array"
    return f"list of lists of {len(items['prefixItems'])}" if many else f"list of {_PLURAL[items['type']]}"


def _bounds(facts: Mapping[str, Any]) -> str:
    words = {"exclusiveMinimum": "above", "minimum": "from", "exclusiveMaximum": "below", "maximum": "to"}
    bounds = [f"{word} {facts[key]:g}" for key, word in words.items() if key in facts]
    return f" {' '.join(bounds)}" if bounds else ""


def _value(value: Any) -> str:  # noqa: ANN401 - any default
    """Return a default as TOML writes it; a dash for what is absent or empty."""
    if value in (None, "", (), []):
        return "—"
    if isinstance(value, dict):
        given = {key: item for key, item in value.items() if item is not None}
        return f"`{{ {', '.join(f'{key} = {json.dumps(item)}' for key, item in given.items())} }}`" if given else "—"
    return f"`{json.dumps(value)}`"


def meanings(kind: type[Any]) -> dict[str, str]:
    """Return the docstring below each attribute of a class and its bases."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base in (object, BaseModel):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        lines = body.body if isinstance(body, ast.ClassDef) else []
        for line, below in zip(lines, [*lines[1:], None], strict=True):
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                text = (
                    below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
                )
                found[line.target.id] = " ".join(str(text).replace("``", "`").split())
    return found


def cell_of(text: str) -> str:
    """Return text as it is in a cell of a Markdown table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
