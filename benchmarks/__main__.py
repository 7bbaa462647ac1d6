"""``python -m benchmarks``: every comparison in one table. Exits with 1 if a target is missed."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from rich.console import Console
from rich.table import Table

import benchmarks


def main() -> int:
    """Run the modules named on the command line, or all of them."""
    modules = (m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name != "__main__")
    names = sys.argv[1:] or [name for name in modules if hasattr(importlib.import_module(f"benchmarks.{name}"), "rows")]
    table = Table(title="srbench's own speed, as ratios within this run", title_justify="left")
    for column in ("what", "against", "ratio", "target", ""):
        table.add_column(column, justify="right" if column == "ratio" else "left")
    missed = 0
    console = Console()
    for name in names:
        for row in importlib.import_module(f"benchmarks.{name}").rows():
            table.add_row(row.what, row.against, f"{row.ratio:.3g}", row.target, "met" if row.met else "missed")
            missed += not row.met
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
