"""Documents are true: commands can be typed, links lead somewhere, the first table is the committed leaderboard."""

from __future__ import annotations

import csv
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer.main

from helpers import ROOT
from srbench.cli.app import app

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "results").rglob("README.md")),
]
BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def _commands() -> list[tuple[str, str]]:
    """List the commands in blocks and in the last column of tables, with the name of the document."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in BLOCK.findall(text):
            folded = re.sub(r"run: >\n", "", block)
            folded = re.sub(r"\n\s+(?=--)", " ", folded)
            for line in folded.splitlines():
                command = re.sub(r"^\s*(- run:|\$)?\s*", "", line)
                if command.startswith("srbench "):
                    found.append((document.name, command))
        if document.name == "README.md":  # its tables have whole commands in the last column
            found += [(document.name, line) for line in re.findall(r"`(srbench [^`\n]+)` \|$", text, re.MULTILINE)]
    return list(dict.fromkeys(found))


def _mentions() -> list[tuple[str, str]]:
    """List the commands within sentences, which may lack arguments."""
    texts = ((document.name, BLOCK.sub("", document.read_text(encoding="utf-8"))) for document in DOCUMENTS)
    return list(
        dict.fromkeys((name, line) for name, text in texts for line in re.findall(r"`(srbench [^`\n]+)`", text))
    )


def _resolved(words):
    """Find the command that some words call: its context's parent, its name, itself, and its own words."""
    command = typer.main.get_command(app)
    context = command.make_context("srbench", [words[0]])
    name, chosen, rest = command.resolve_command(context, words)
    if hasattr(chosen, "resolve_command") and rest and not rest[0].startswith("-"):
        context = chosen.make_context(name, rest[:1], parent=context)
        name, chosen, rest = chosen.resolve_command(context, rest)
    return context, name, chosen, rest


@pytest.mark.parametrize(("document", "line"), _commands())
def test_every_command_in_the_documents_is_understood(document, line):
    words = shlex.split(line, comments=True)[1:]
    if "…" in line or any(word.startswith("$") or word.isupper() for word in words):
        words = words[:1]
    context, name, chosen, rest = _resolved(words)
    if len(words) > 1:
        chosen.make_context(name, rest, parent=context)
    assert chosen.callback is not None


@pytest.mark.parametrize(("document", "line"), _mentions())
def test_every_command_in_a_sentence_exists_with_its_options(document, line):
    words = [word for word in shlex.split(line)[1:] if word != "…"]
    if words[0].startswith("-"):
        chosen, rest = typer.main.get_command(app), words
    else:
        _, _, chosen, rest = _resolved(words)
    known = {"--help"} | {option for parameter in chosen.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known


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


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", document.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_of_it(document):
    for link in re.findall(r"(?<!\\)\]\((?!https?://)([^)]+)\)", document.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), f"{document.name} links to {link}, which does not exist"
        if anchor:
            assert anchor in _anchors(target), f"{document.name} links to {link}, but that page has no such heading"


def test_the_first_table_of_the_readme_is_the_committed_leaderboard():
    with (ROOT / "results" / "leaderboard.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["scale"], row["degradation"]) == ("2", "bicubic")]
    bicubic = next(float(row["psnr_y_db"]) for row in rows if row["architecture"] == "bicubic")
    expected = []
    for row in rows:
        gain = float(row["psnr_y_db"]) - bicubic
        thousands = f"{int(row['parameters']) / 1000:.0f}"
        expected.append(
            [
                "0" if thousands == "0" else f"{thousands} k",
                f"{float(row['psnr_y_db']):.2f} dB",
                f"{gain:+.2f} dB" if gain else "reference",
                f"{float(row['latency_ms_p50']):.0f} ms",
            ]
        )
    page = (ROOT / "README.md").read_text(encoding="utf-8").replace("*", "")
    table = re.findall(r"^\|(.+)\|$", page, re.MULTILINE)[2 : 2 + len(rows)]
    assert [[cell.strip() for cell in line.split("|")[1:]] for line in table] == expected


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
