"""Write a page for everything that a bundled plugin provides, from its spec, and a table of each kind."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pprint
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from srbench.catalog.catalog import Catalog, build_catalog
from srbench.catalog.discovery import discover
from srbench.catalog.kinds import KINDS, Kind
from srbench.catalog.listing import Listed, listing_of

TITLES = {"label", "name", "notes", "paper"}
"""Fields that the head of a page shows."""
TABLES = {"checkpoints", "reported", "bicubic", "downloads", "entries", "names", "chain", "recipe", "units", "example"}
"""Fields that have a section of their own, or that would fill a page."""
SCORE = ("dataset", "scale", "metric", "score", "degradation", "source")
COMMANDS = {
    "architecture": "srbench show {name}\nsrbench run --architecture {name}",
    "recogniser": "srbench show {name}\nsrbench check {name}",
    "distiller": "srbench show {name}\nsrbench check {name}",
    "degradation": "srbench show {name}\nsrbench degrade photos/ --degradation {name} --scale 4 --out lr/",
    "dataset": "srbench show {name}\nsrbench data list",
}


def write_catalogue(folder: Path) -> None:
    """Write the pages of every kind below a folder."""
    catalog = build_catalog(discover(environ={"SRBENCH_PLUGINS": "bundled"}))
    listing = listing_of(catalog)
    for kind in KINDS.values():
        pages = folder / kind.plural
        pages.mkdir(parents=True, exist_ok=True)
        (pages / "index.md").write_text(_index(kind, listing.kinds[kind.name]), encoding="utf-8")
        for name in catalog.shelf(kind.name):
            (pages / f"{name}.md").write_text("\n".join(_page(catalog, kind, name)) + "\n", encoding="utf-8")


def _index(kind: Kind[Any], listed: Listed) -> str:
    rows = [(f"[`{name}`]({name}.md)", *map(_cell, cells)) for name, cells in listed.specs.items()]
    guide = f"../../docs/plugins/{kind.name}.md"
    lines = [f"# {kind.plural.capitalize()}", "", f"{len(rows)} come with srbench; [write another]({guide}).", ""]
    lines += _table(("name", *kind.columns), rows)
    if listed.families:
        lines += ["", "Families make more, by names of the form `family:argument`:", ""]
        lines += [f"- `{name}`: {_cell(text)}" for name, text in listed.families.items()]
    return "\n".join(lines) + "\n"


def _page(catalog: Catalog, kind: Kind[Any], name: str) -> Iterator[str]:
    spec: Any = catalog.shelf(kind.name)[name]
    plugin = catalog.shelf(kind.name).provider(name)
    yield from (f"# {getattr(spec, 'label', '') or name}", "")
    yield from (f"`{name}`, one of the [{kind.plural}](index.md).", "")
    summary = inspect.getdoc(importlib.import_module(plugin.name)) or ""
    yield from (_cell(summary.partition("\n\n")[0].replace("\n", " ")), "")
    if getattr(spec, "notes", ""):
        yield from (_cell(spec.notes), "")
    if getattr(spec, "paper", None):
        paper = spec.paper
        yield from (f"**Paper:** [{_cell(paper.title)}]({paper.url}), {paper.venue} {paper.year}.", "")
    yield from ("```", COMMANDS.get(kind.name, "srbench show {name}").format(name=name), "```", "")
    yield from _section("Fields", ("field", "value"), _facts(spec))
    yield from (f"Other fields have their defaults; [what each means](../../docs/plugins/{kind.name}.md).", "")
    if kind.name == "step":
        yield from _section("Parameters", ("parameter", "default", "unit or meaning"), _parameters(spec))
    if getattr(spec, "chain", None) is not None:
        steps = (pprint.pformat(step, width=100) for step in spec.chain.steps)
        yield from ("## Steps", "", "```python", *steps, "```", "")
    if getattr(spec, "recipe", None) is not None:
        rows = [(f"`{key}`", _value(value)) for key, value in spec.recipe.model_dump(exclude_defaults=True).items()]
        yield from _section("Recipe of the paper", ("key", "value"), rows)
    yield from _section(
        "Reported scores", ("dataset", "scale", "metric", "score", "degradation", "source"), _reported(spec)
    )
    yield from _section("Published weights", ("tag", "scale", "file", "licence", "trained on"), _checkpoints(spec))
    rows = [(f"x{scale}", f"{psnr:g}", f"{ssim:g}") for scale, (psnr, ssim) in getattr(spec, "bicubic", {}).items()]
    yield from _section("Bicubic interpolation, as published", ("scale", "PSNR on luma (dB)", "SSIM on luma"), rows)
    downloads = [
        (f"<{file.url}>", f"`{file.sha256}`" if file.sha256 else "") for file in getattr(spec, "downloads", ())
    ]
    yield from _section("Downloads", ("address", "SHA-256"), downloads)
    yield f"Defined in `{plugin.name.replace('srbench_plugins.', 'plugins/').replace('.', '/')}.py`."


def _facts(spec: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a spec of any kind
    """Every field that differs from its default, with its value."""
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        given = value not in (field.default, None, "", (), {})
        if given and field.name not in TITLES | TABLES and not callable(value):
            yield f"`{field.name}`", _value(value)


def _value(value: Any) -> str:  # noqa: ANN401 - a fact of any type
    if isinstance(value, frozenset):
        return ", ".join(map(str, sorted(value)))
    if isinstance(value, tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_value(fact)}" for key, fact in value.items())
    if isinstance(value, BaseModel):
        return _value({key: fact for key, fact in value if fact not in (None, "", ())})
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _cell(str(value))


def _parameters(spec: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - a StepSpec
    for name, _, default in spec.parameters:
        shown = "" if default is inspect.Parameter.empty else f"`{default!r}`"
        yield f"`{name}`", shown, _cell(spec.units.get(name, ""))


def _reported(spec: Any) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - a spec of any kind
    for score in getattr(spec, "reported", ()):
        source = f"{score.source}, {score.checkpoint}" if score.checkpoint else score.source
        yield score.dataset, f"x{score.scale}", score.metric, f"{score.value:g}", score.degradation, _cell(source)


def _checkpoints(spec: Any) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - a spec of any kind
    for weights in getattr(spec, "checkpoints", ()):
        file = f"[`{weights.file}`]({weights.url})" if weights.url else f"`{weights.file}`"
        scale = f"x{weights.scale}" if weights.scale else "any"
        yield weights.tag, scale, file, weights.license, ", ".join(sorted(weights.trained_on))


def _section(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A heading and a table, if there is a row."""
    rows = list(rows)
    if rows:
        yield from (f"## {title}", "", *_table(columns, rows), "")


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(text: str) -> str:
    """Text that Markdown shows as it is, in a table too."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
