"""What a result was made with: versions, commit and machine."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from srbench.profiling.machine import this_machine
from srbench.records.record import Environment

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
        git_origin=_git_origin(),
        packages={name: version for name, version in versions.items() if name != "srbench"},
        threads=torch.get_num_threads(),
    )


def worker_log() -> str:
    """Return the file of this worker's log, which its executor names in SRBENCH_LOG; empty if it does not."""
    return os.environ.get("SRBENCH_LOG", "")


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
    try:
        head, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "-uno")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head[:12] + ("+" if changed else "")


@functools.cache
def _git_origin() -> str:
    try:
        return without_credentials(_git("remote", "get-url", "origin"))
    except (OSError, subprocess.CalledProcessError):
        return ""


def without_credentials(url: str) -> str:
    """Return the address of a repository without user and password; empty for a folder of this machine."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ssh", "git") and parts.hostname:
        port = f":{parts.port}" if parts.port else ""
        return urlunsplit((parts.scheme, f"{parts.hostname}{port}", parts.path, "", ""))
    _, at, rest = url.rpartition("@")
    return rest if at and ":" in rest and "/" not in rest.partition(":")[0] else ""  # git@host:owner/name.git


def _git(*words: str) -> str:
    """Ask git about srbench's own checkout.

    Raises:
        OSError: There is none, or no git.
        CalledProcessError: Git has no answer.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        raise FileNotFoundError(root / ".git")
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - only fixed words
