"""What names, describes and plans things imports no heavy library; ``tests/cli/test_app.py`` has the help."""

import subprocess
import sys

import pytest

from helpers import ROOT

HEAVY = {"torch", "numpy", "pandas", "matplotlib", "numba", "skimage", "scipy", "PIL", "srbench_plugins"}


def modules(*rooms):
    """The modules of some rooms, by their files."""
    files = [file for room in rooms for file in (ROOT / "srbench" / room).glob("*.py") if file.stem != "__init__"]
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]


SPECS = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in (ROOT / "srbench").rglob("spec.py")]


@pytest.mark.parametrize(
    "names",
    [["srbench"], modules("."), SPECS, modules("catalog"), modules("planning")],
    ids=["srbench", "loose modules", "specs", "catalog", "planning"],
)
def test_it_imports_no_heavy_library(names):
    assert names
    code = f"import sys, {', '.join(names)}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=True)
    assert done.stdout.split() == []
