"""Write docs/survey.md, what srbench has for each section of the survey, from survey.toml.

Call it as ``python -m docs.site.survey``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.site.copying import ROOT
from srbench.catalog.catalog import Catalog, build_catalog
from srbench.catalog.discovery import discover
from srbench.catalog.kinds import KINDS
from srbench.files import shipped_tables
from srbench.toml import Table, read_table

FACTS = Path(__file__).with_suffix(".toml")
PAGE = ROOT / "docs" / "survey.md"
DATASETS = "datasets.toml"
"""The file that declares the datasets, which their provider reads."""
HEAD = """# What srbench has for each section of the survey

The survey is [Hitchhiker's Guide to Super-Resolution](https://arxiv.org/abs/2209.13131) (Moser et al., TPAMI 2023).
This page is written by `python -m docs.site.survey`; a test fails if a name on it no longer exists.
"""


class Section(Table):
    """One section of the survey; names are sorted by the plural of their kind, and families end with a colon."""

    number: str
    title: str
    about: str = ""
    architectures: tuple[str, ...] = ()
    recognisers: tuple[str, ...] = ()
    distillers: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    degradations: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    """Documents below docs/."""
    lacks: str = ""
    """What the survey covers and srbench has not."""


class Survey(Table):
    """The whole table."""

    section: tuple[Section, ...]


def page(survey: Survey, catalog: Catalog) -> str:
    """Write the page.

    Raises:
        SystemExit: A name does not exist; lists every such name.
    """
    missing: list[str] = []
    lines = [HEAD]
    for section in survey.section:
        lines += [f"## {section.number} {section.title}", ""]
        lines += [section.about, ""] if section.about else []
        lines += _names(section, catalog, missing)
        lines += ["", f"Not here: {section.lacks[0].lower()}{section.lacks[1:]}"] if section.lacks else []
        lines.append("")
    if missing:
        raise SystemExit(f"{FACTS.name} names what does not exist: {', '.join(missing)}; correct or remove it.")
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip("\n") + "\n"


def _names(section: Section, catalog: Catalog, missing: list[str]) -> Iterator[str]:
    for kind in KINDS.values():
        names: tuple[str, ...] = getattr(section, kind.plural, ())
        shelf: Any = catalog.shelf(kind.name)
        there = {*shelf, *(f"{family.name}:" for family in shelf.families)}
        missing += [f"the {kind.name} {name}" for name in names if name not in there]
        links = (f"[`{name}`](../{_file(kind.name, shelf.provider(name).name)})" for name in names if name in there)
        yield from _line(kind.plural, list(links))
    suites = shipped_tables("suites")
    missing += [f"the suite {name}" for name in section.suites if name not in suites]
    yield from _line("suites", [f"[`{name}`](../suites/{name}.toml)" for name in section.suites])
    missing += [f"the page {name}" for name in section.pages if not (PAGE.parent / name).is_file()]
    yield from _line("pages", [f"[{name}]({name})" for name in section.pages])


def _line(title: str, links: list[str]) -> Iterator[str]:
    if links:
        yield f"- **{title}**: {', '.join(links)}"


def _file(kind: str, module: str) -> str:
    return DATASETS if kind == "dataset" else f"{module.replace('srbench_plugins.', 'plugins/').replace('.', '/')}.py"


def written() -> str:
    """Return the page as survey.toml and the bundled plugins say."""
    return page(read_table(FACTS, Survey), build_catalog(discover(environ={"SRBENCH_PLUGINS": "bundled"})))


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
