"""What README and CONTRIBUTING say can be typed."""

from __future__ import annotations

import re
import shlex
import tomllib

import pytest
import typer.main

from helpers import ROOT
from srbench.cli.app import app

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _commands() -> list[tuple[str, str]]:
    found = []
    for document in DOCUMENTS:
        for block in BLOCK.findall(document.read_text(encoding="utf-8")):
            folded = re.sub(r"run: >\n", "", block)
            folded = re.sub(r"\n\s+(?=--)", " ", folded)
            for line in folded.splitlines():
                text = re.sub(r"^\s*(- run:)?\s*", "", line)
                if text.startswith("srbench "):
                    found.append((document.name, text))
    return found


@pytest.mark.parametrize(("document", "line"), _commands())
def test_every_command_in_the_documents_is_understood(document, line):
    words = shlex.split(line, comments=True)[1:]
    if "…" in line or any(word.startswith("$") or word.isupper() for word in words):
        words = words[:1]
    command = typer.main.get_command(app)
    context = command.make_context("srbench", [words[0]])
    name, chosen, rest = command.resolve_command(context, words)
    if hasattr(chosen, "resolve_command"):
        group = chosen.make_context(name, rest[:1], parent=context)
        name, chosen, rest = chosen.resolve_command(group, rest)
    if len(words) > 1:
        chosen.make_context(name, rest, parent=context)
    assert chosen.callback is not None


def test_every_make_target_in_the_documents_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        t
        for d in DOCUMENTS
        for b in [d.read_text(encoding="utf-8")]
        for t in re.findall(r"`?\bmake ([a-z-]+)`?(?= +#|`)", b)
    }
    assert {"run", "test"} <= named <= targets


def test_every_marker_is_named_in_the_readme():
    markers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for marker in (m.partition(":")[0] for m in markers):
        assert f"`{marker}`" in readme


def test_links_between_documents_lead_somewhere():
    for document in DOCUMENTS:
        for link in re.findall(r"\]\((?!http)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"


def test_no_committed_document_names_a_machine_path():
    for document in [*DOCUMENTS, ROOT / "Makefile", ROOT / "constraints.txt"]:
        assert not re.search(r"(?<![\w.])/(tmp|work|root|home)/", document.read_text(encoding="utf-8"))


def test_the_design_page_has_the_layers_that_are_checked_and_every_room():
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    assert "```\n" + "\n".join(layers) + "\n```" in page
    tree = re.search(r"^srbench/$(.*?)^plugins/", page, re.MULTILINE | re.DOTALL)[1]
    named = set(re.findall(r"[├└]── (\w+/|\w+\.py) ", tree))
    rooms = {
        f"{path.parent.name}/" for path in (ROOT / "srbench").rglob("*/__init__.py") if path.parent.name != "srbench"
    }
    assert named == rooms | {path.name for path in (ROOT / "srbench").glob("*.py")}
    assert len(page.splitlines()) <= 200
