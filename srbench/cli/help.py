"""Help as plain text in the width of the terminal: examples after the description, and many options in panels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import typer
import typer.core

F = TypeVar("F", bound=Callable[..., Any])

EXAMPLES = "Examples:"
"""The line in a command's docstring after which every line is a command to type, with two blanks before its remark."""
FEW = 10
"""Options that are one list; more of them are in panels."""

KEEP = "Keep a part of the suite"
CHANGE = "Change the suite"
FILES = "Files and folders"
PLUGINS = "Plugins"
MACHINE = "How to run"
OUTPUT = "What to print"


class Explained(typer.core.TyperCommand):
    """A command whose help has examples, and its options by panels."""

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer keeps its copy of click private
        """Write the description, and the examples as they are."""
        description, _, examples = (self.help or "").partition(f"\n{EXAMPLES}\n")
        own, self.help = self.help, description.rstrip()
        try:
            super().format_help_text(ctx, formatter)
        finally:
            self.help = own
        if lines := examples_of(examples):
            with formatter.section(EXAMPLES.rstrip(":")):
                for line in lines:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write arguments, and options by panels."""
        arguments, panels = [], dict[str, list[tuple[str, str]]]()
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is None:
                continue
            if parameter.param_type_name == "argument":
                arguments.append(record)
            else:
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or "Options", []).append(record)
        if sum(map(len, panels.values())) <= FEW:
            panels = {"Options": [record for own in panels.values() for record in own]}
        for title, records in {"Arguments": arguments, **panels}.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Commands(typer.Typer):
    """An app, or a group of commands, whose commands are `Explained`."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[F], F]:  # noqa: ANN401 - typer's options
        """Register a command, as `typer.Typer.command` does."""
        return super().command(name, **{"cls": Explained} | options)


def examples_of(text: str) -> list[str]:
    """Return the examples in the rest of a docstring, without what it is indented by."""
    return [line.strip() for line in text.splitlines() if line.strip()]
