"""``srbench check``: does a plugin keep its contract?"""

from __future__ import annotations

from typing import Annotated

import typer

from srbench.cli.console import plain_console
from srbench.cli.options import KindName, PluginFiles, Strict


def check(
    name: Annotated[str, typer.Argument(help="A name that `srbench list` shows.")],
    *,
    kind: KindName = None,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where something could not be checked here.")] = False,
) -> None:
    """Run the contract on a plugin: shapes, ranges, determinism, gradients, half precision, export.

    Each violation is one sentence. Exit status 1 if there is any.
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.errors import UnavailableError, UsageError
    from srbench.testing import contract_of, violations_of

    catalog = load_catalog(plugin or (), strict=strict_plugins)
    kinds = catalog.kinds_of(name, kind)
    if len(kinds) > 1:
        raise UsageError(f"{name} names several things; say which one with --kind {' or --kind '.join(kinds)}.")
    (found,) = kinds
    console = plain_console()
    spec = catalog.shelf(found)[name]
    try:
        with console.status(f"checking {name}"):
            violations = violations_of(spec, catalog)
    except UnavailableError as reason:
        console.print(f"? The {found} {name} could not be checked here: {reason}")
        raise typer.Exit(1 if strict else 0) from None
    for violation in violations:
        console.print(f"✗ {violation}")
    if violations:
        console.print(f"The {found} {name} breaks its contract: {len(violations)} violations.")
        raise typer.Exit(1)
    console.print(f"✓ The {found} {name} keeps its contract: {contract_of(found).CHECKED}.")
