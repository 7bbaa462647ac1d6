"""Write a suite or a recipe to start from: the files of ``srbench init``."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from srbench.catalog.scaffold import TEMPLATES, write_new
from srbench.errors import UnknownNameError, UsageError
from srbench.files import shipped_tables

TABLES = {"suite": "suites", "recipe": "recipes"}
"""What can be written, and the shipped folder with others of it."""


def write_table(kind: str, name: str, into: Path = Path()) -> Path:
    """Write a commented TOML file that runs as it is.

    Args:
        kind: "suite" or "recipe".
        name: Its name, and the file's: lower-case letters, digits, - and _.
        into: The folder; made if it does not exist.

    Returns:
        The file.

    Raises:
        UnknownNameError: The kind is neither.
        UsageError: The name is not valid or that of a shipped one, or the file exists.
        StoreError: The folder cannot be written.
    """
    if kind not in TABLES:
        raise UnknownNameError.among("file to begin with", kind, TABLES)
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", name):
        raise UsageError(
            f"The name {name!r} is not one of lower-case letters, digits, - and _; take another, such as 'my-{kind}'."
        )
    if name in shipped_tables(TABLES[kind]):
        raise UsageError(f"srbench comes with a {kind} named {name!r}; take another name, such as 'my-{name}'.")
    path = into / f"{name}.toml"
    text = (TEMPLATES / f"init_{kind}.txt").read_text(encoding="utf-8")
    write_new({path: Template(text).substitute(name=name, file=path.name)})
    return path
