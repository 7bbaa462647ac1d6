"""Which versions and which commit made a record."""

from __future__ import annotations

import functools
import importlib.metadata
import subprocess
from contextlib import suppress
from pathlib import Path

PACKAGES = ("srbench", "torch", "numpy", "scikit-image", "pillow", "accelerate", "lpips", "pyiqa", "spandrel")


@functools.cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = []
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found.append((name, importlib.metadata.version(name)))
    return tuple(found)


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that can move a number."""
    return dict(_versions())


@functools.cache
def git_commit() -> str | None:
    """The commit of srbench's own checkout, "+" added if files differ from it; None for an installed wheel."""
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
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - our own words
