"""What a result was made with: versions, commit and machine."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import subprocess
from contextlib import suppress
from pathlib import Path

from srbench.profiling.machine import this_machine
from srbench.records import Environment

PACKAGES = ("srbench", "torch", "numpy", "scikit-image", "pillow", "accelerate", "lpips", "pyiqa", "spandrel")
"""Packages that can change a number."""


def this_environment(device: str) -> Environment:
    """Describe what this process runs on, and the device where it computes."""
    import torch

    machine, versions = this_machine(), _versions()
    return Environment(
        srbench=versions["srbench"],
        torch=torch.__version__,
        python=platform.python_version(),
        device=device,
        machine=machine.id,
        machine_name=machine.name,
        git_commit=_git_commit(),
        packages={name: version for name, version in versions.items() if name != "srbench"},
        threads=torch.get_num_threads(),
    )


@functools.cache
def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


@functools.cache
def _git_commit() -> str | None:
    """Return the commit of srbench's own checkout, with "+" if files differ from it; None for an installed wheel."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    git = ["git", "-C", str(root)]
    try:
        head = _output([*git, "rev-parse", "HEAD"])
        changed = _output([*git, "status", "--porcelain", "-uno"])
    except (OSError, subprocess.CalledProcessError):
        return None
    return head[:12] + ("+" if changed else "")


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - only fixed commands
