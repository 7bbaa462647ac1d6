"""A plugin that is about to be written: its name, checked, and the words that fill its templates."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from srbench.catalog.kinds import KINDS
from srbench.errors import UnknownNameError, UsageError

TEMPLATES = Path(__file__).parent / "templates"
WRITABLE = tuple(kind for kind in KINDS if (TEMPLATES / f"{kind}.txt").is_file())
"""The kinds that have a template."""
RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, "nn", "srbench", "tensor", "torch"})
"""Names that would hide something the file needs."""


@dataclass(frozen=True, slots=True)
class Idea:
    """A plugin that is about to be written."""

    kind: str
    name: str
    paper: str | None = None
    """Address of the paper."""

    def __post_init__(self) -> None:
        if self.kind not in WRITABLE:
            raise UnknownNameError.among("kind of plugin that can be written", self.kind, WRITABLE)
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", self.name) or len(self.name) > 40:
            raise UsageError(
                f"The name {self.name!r} is not lower_snake_case of at most 40 letters; "
                f"write it like {_snake(self.name, self.kind)!r}."
            )
        if self.name in RESERVED or self.name.startswith("test_"):
            raise UsageError(f"The name {self.name!r} is reserved; take another, such as 'my_{self.name}'.")
        if self.paper is not None and not re.fullmatch(r"https?://[^\s\"'\\<>]+", self.paper):
            raise UsageError(
                f"--paper {self.paper!r} is not a web address; give one like https://arxiv.org/abs/1609.05158."
            )

    @property
    def run(self) -> str:
        """The command that trains and measures it, in a minute or so."""
        student = "" if self.kind == "architecture" else " --architecture edsr_small"
        return f"srbench run{student} --{self.kind} {self.name} --scale 2"

    def words(self) -> dict[str, str]:
        """Return the words that fill the templates."""
        return {
            "kind": self.kind,
            "name": self.name,
            "run": self.run,
            "class_name": "".join(part.capitalize() for part in self.name.split("_")),
            "label": self.name.replace("_", " ").capitalize(),
            "see": f"Paper: {self.paper}\n\n" if self.paper else "",
            "paper": _paper(self.paper) if self.paper else "",
        }


def _snake(name: str, kind: str) -> str:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    snake = "_".join(words).lower()[:40].strip("_")
    return snake if re.match(r"[a-z]", snake) else f"my_{kind}"


def _paper(url: str) -> str:
    arxiv = re.search(r"arxiv\.org/(?:abs|pdf)/(\d\d)\d\d\.", url)
    year = 2000 + int(arxiv[1]) if arxiv else datetime.now(UTC).year
    facts = ['title="Title of the paper"', f'venue="{"arXiv" if arxiv else "unknown"}"', f"year={year}", f'url="{url}"']
    indent = " " * 12
    line = f"{indent}paper=srbench.Paper({', '.join(facts)}),\n"
    if len(line) <= 121:
        return line
    return f"{indent}paper=srbench.Paper(\n" + "".join(f"{indent}    {fact},\n" for fact in facts) + f"{indent}),\n"
