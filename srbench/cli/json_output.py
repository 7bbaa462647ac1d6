"""One JSON document on standard output, for programs, in place of tables and sentences: the option ``--json``.

A command computes one object of facts, which is drawn or written as it is. `DOCUMENTS` names the class of the facts of
each command, from which the schemas and docs/json.md are made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from srbench.cli.help import OUTPUT

OPTION = "--json"
Json = Annotated[
    bool,
    typer.Option(OPTION, help="Print one JSON document instead; docs/json.md describes it.", rich_help_panel=OUTPUT),
]


@dataclass(frozen=True, slots=True)
class Document:
    """The kind of document that a command prints."""

    command: str
    version: int
    """Grows when a field goes or changes its meaning, not when one is added."""
    place: str
    """``module:class`` of its facts, imported only when it is asked for."""

    @property
    def schema_name(self) -> str:
        """What a document has as ``schema``: "srbench.cache.list/1"."""
        return f"srbench.{self.command.replace(' ', '.')}/{self.version}"

    @property
    def facts(self) -> type[Any]:
        """The class of its facts."""
        import importlib

        module, _, name = self.place.partition(":")
        found: type[Any] = getattr(importlib.import_module(module), name)
        return found

    def json_schema(self) -> dict[str, Any]:
        """Return its JSON schema."""
        from pydantic import TypeAdapter

        schema = TypeAdapter(self.facts).json_schema(mode="serialization")
        schema["properties"] = {"schema": {"const": self.schema_name}} | schema["properties"]
        schema["required"] = ["schema", *schema.get("required", ())]
        return schema | {"additionalProperties": False}


DOCUMENTS: Mapping[str, Document] = {
    document.command: document
    for document in (
        Document("list", 1, "srbench.planning.names:Names"),
        Document("show", 1, "srbench.benchmarking.shown:Shown"),
        Document("plan", 1, "srbench.running.outline:Outline"),
        Document("status", 1, "srbench.running.status:RunStatus"),
        Document("cancel", 1, "srbench.running.status:RunStatus"),
        Document("plugins", 1, "srbench.catalog.plugin_facts:Plugins"),
        Document("check", 1, "srbench.testing.verdict:Verdict"),
        Document("profile", 1, "srbench.benchmarking.profiles:Profiles"),
        Document("pick", 1, "srbench.picking.picked:Picked"),
        Document("judge", 1, "srbench.judging.ranking:Judgement"),
        Document("score", 1, "srbench.benchmarking.outcomes:ScoredFolder"),
        Document("compare", 1, "srbench.benchmarking.outcomes:Compared"),
        Document("reproduce", 1, "srbench.benchmarking.outcomes:ReproducedRow"),
        Document("degrade", 1, "srbench.benchmarking.outcomes:DegradedImages"),
        Document("report", 1, "srbench.benchmarking.outcomes:ReportFiles"),
        Document("upscale", 1, "srbench.benchmarking.outcomes:EnlargedFiles"),
        Document("add-plugin", 1, "srbench.testing.adopting:AddedPlugin"),
        Document("fetch", 1, "srbench.networks.imagenet:FetchedNetwork"),
        Document("data list", 1, "srbench.benchmarking.datasets:Datasets"),
        Document("data verify", 1, "srbench.benchmarking.datasets:Verified"),
        Document("data fetch", 1, "srbench.benchmarking.datasets:Fetched"),
        Document("data add", 1, "srbench.benchmarking.datasets:AddedDataset"),
        Document("cache list", 1, "srbench.running.cache_contents:CacheContents"),
        Document("cache size", 1, "srbench.running.cache_contents:CacheContents"),
        Document("doctor metrics", 1, "srbench.diagnosing.metrics:Diagnosis"),
        Document("doctor data", 1, "srbench.diagnosing.data:DataDiagnosis"),
        Document("doctor weights", 1, "srbench.diagnosing.weights:WeightsDiagnosis"),
        Document("doctor machine", 1, "srbench.diagnosing.machine:MachineDiagnosis"),
        Document("doctor tiles", 1, "srbench.diagnosing.tiles:TilesDiagnosis"),
        Document("cache prune", 1, "srbench.running.cache_contents:Pruned"),
    )
}
"""The documents by the commands that print them."""


def print_json(command: str, facts: object) -> None:
    """Print the facts of a command as its document: sorted keys, UTF-8, and null for what is not finite."""
    from pydantic import TypeAdapter

    plain = TypeAdapter(DOCUMENTS[command].facts).dump_python(facts, mode="json")
    document = {"schema": DOCUMENTS[command].schema_name} | _finite(plain)
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    typer.echo(text.encode("utf-8", "backslashreplace"))  # a name that is not UTF-8 becomes an escape of JSON


def print_json_error(error: BaseException, message: str) -> None:
    """Print the error that ends a command with exit status 2 on standard error, as a JSON object in one line."""
    facts = {"schema": "srbench.error/1", "error": type(error).__name__, "message": message}
    typer.echo(json.dumps(facts, sort_keys=True), err=True)


def _finite(value: Any) -> Any:  # noqa: ANN401 - a value of JSON
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(_finite, value))
    return None if isinstance(value, float) and not math.isfinite(value) else value
