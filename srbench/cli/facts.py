"""The facts of a spec or a recipe in words: defaults are left out, and scores are a table of datasets and scales."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from srbench.cli.tables import print_table, print_text
from srbench.scales import Scale, next_whole

if TYPE_CHECKING:
    from pydantic import BaseModel

    from srbench.naming import Paper
    from srbench.networks.spec import Reported

SHOWN = 12
"""Items of a long list that are printed."""
_HASH = 12
"""Characters of a hash that are printed."""


def print_facts(spec: Any, *, long: bool) -> None:  # noqa: ANN401 - a spec of any kind
    """Print the fields of a spec, without those that have their default unless ``long``."""
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        usual = not long and field.name != "scales" and value == field.default
        if field.name not in ("name", "units") and not usual and says(value):
            _print_fact(field.name, value, long=long)


def print_model(name: str, value: BaseModel, *, long: bool, indent: int = 2) -> None:
    """Print the keys of a recipe or another object of a TOML file; without those that it leaves out unless ``long``."""
    print_text(f"{name}:", indent)
    for key, fact in value:
        if (long or key in value.model_fields_set) and fact not in (None, "", ()):
            print_text(f"{key} = {words(fact)}", indent + 2)


def print_list(name: str, lines: Sequence[str], first: str = "") -> None:
    """Print a fact with its lines below it."""
    print_text(f"{name}: {first}".rstrip(), 2)
    for line in lines:
        text = line.lstrip(" ")
        print_text(text, 4 + len(line) - len(text))


def _print_fact(name: str, value: Any, *, long: bool) -> None:  # noqa: ANN401 - a fact of any type
    from pydantic import BaseModel

    from srbench.naming import Paper
    from srbench.networks.spec import Reported

    if isinstance(value, Paper):
        print_text(f"{name}: {_published(value)}", 2)
    elif isinstance(value, BaseModel):
        print_model(name, value, long=long)
    elif isinstance(value, Mapping):
        print_list(name, [f"{key}: {words(fact)}" for key, fact in value.items()])
    elif isinstance(value, tuple) and isinstance(value[0], Reported):
        _print_reported(value)
    elif isinstance(value, tuple) and dataclasses.is_dataclass(value[0]):
        _print_objects(name, value, long=long)
    else:
        print_text(f"{name}: {_scales(value) if name == 'scales' else words(value)}", 2)


def _published(paper: Paper) -> str:
    return ". ".join(filter(None, (paper.title, f"{paper.venue} {paper.year}".strip(), paper.url)))


def _print_reported(scores: Sequence[Reported]) -> None:
    """Print a table of datasets and scales for each source."""
    sources: dict[tuple[str, ...], dict[tuple[str, str], dict[Scale, str]]] = {}
    for score in scores:
        usual = {"bicubic", "classic-y", "none", None}
        more = (score.checkpoint, score.degradation, score.protocol, score.distiller)
        table = sources.setdefault((score.source, *(fact for fact in more if fact and fact not in usual)), {})
        table.setdefault((score.dataset, score.metric), {})[score.scale] = str(score.value)
    for source, table in sources.items():
        scales = sorted({scale for row in table.values() for scale in row})
        heads = [f"x{scale}" for scale in scales]
        print_text(f"reported, {'; '.join(source)}:", 2)
        rows = [
            (dataset, metric, *(row.get(scale, "") for scale in scales)) for (dataset, metric), row in table.items()
        ]
        print_table("", ("dataset", "metric", *heads), rows, right=heads, indent=4)


def _print_objects(name: str, values: tuple[Any, ...], *, long: bool) -> None:
    """Print Checkpoint, ImageEntry or Download objects as a table, without empty columns."""
    shown = values if long else values[:SHOWN]
    names = [f.name for f in dataclasses.fields(values[0]) if any(says(getattr(x, f.name)) for x in shown)]
    names.sort(key=lambda field: field in ("sha256", "url"))  # long, and asked for last
    rows = [[_cell(field, getattr(x, field), long=long) for field in names] for x in shown]
    print_text(f"{name}: {len(values)}", 2)
    print_table("", names, rows, long=long, indent=4)
    if len(shown) < len(values):
        print_text(f"… and {len(values) - len(shown)} more; --long shows all.", 4)


def _cell(name: str, value: object, *, long: bool) -> str:
    text = words(value) if says(value) else ""
    return text[:_HASH] if name == "sha256" and not long else text


def _scales(scales: frozenset[Scale]) -> str:
    first, last = min(scales), max(scales)
    if len(scales) > SHOWN and scales == set(range(next_whole(first), next_whole(last) + 1)):
        return f"x{first} to x{last}"
    return ", ".join(f"x{scale}" for scale in sorted(scales))


def says(value: object) -> bool:
    """Whether a fact is worth a line."""
    return not callable(value) and value not in (None, "", (), {}, frozenset())


def words(value: Any) -> str:  # noqa: ANN401 - a fact of any type
    """Return a fact as it is written for people: "yes", "0.9, 0.999", "l1 1.0"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if dataclasses.is_dataclass(value):
        facts = [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
        return "; ".join(f"{name} {words(fact)}" for name, fact in facts if says(fact))
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {words(fact)}" for key, fact in value.items()) or "none"
    if isinstance(value, frozenset):
        value = sorted(value)
    if isinstance(value, tuple | list):
        nested = any(isinstance(part, tuple | list) for part in value)
        return ("; " if nested else ", ").join(map(words, value)) or "none"
    return "none" if value is None else str(value)
