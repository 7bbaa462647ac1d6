"""The command line is thin: a command parses, calls one function of a room, and prints."""

import ast
import inspect
import textwrap

import pytest

from srbench.cli.app import app

LONGEST = 30
"""Lines of a command below its docstring."""


def commands(group=app, before=""):
    """The function of each command, by the words that call it."""
    found = {}
    for command in group.registered_commands:
        name = command.name or command.callback.__name__.replace("_", "-")
        found[f"{before}{name}"] = inspect.unwrap(command.callback)
    for inner in group.registered_groups:
        found |= commands(inner.typer_instance, f"{inner.name} ")
    return found


def length(function):
    """The lines of a function below its docstring."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    return definition.end_lineno - definition.body[0].end_lineno


def test_every_command_is_found():
    assert {"run", "score", "compare", "search", "upscale", "degrade", "report", "data list"} <= commands().keys()


@pytest.mark.parametrize("name", commands())
def test_a_command_is_short(name):
    assert length(commands()[name]) <= LONGEST
