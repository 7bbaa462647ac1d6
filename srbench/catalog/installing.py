"""Make a plugin available from every folder: copy its file, or install its package with pip."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from srbench.catalog.discovery import user_folder
from srbench.errors import PluginError, StoreError, UsageError
from srbench.toml import read_toml


def adopt_file(path: Path) -> Path:
    """Copy a single-file plugin into the user's plugin folder.

    Returns:
        The copy.

    Raises:
        UsageError: There is a file of that name already, or srbench does not look for plugins in files of that name.
        StoreError: The folder cannot be written.
    """
    if path.name.startswith(("_", "test_")):
        raise UsageError(f"srbench does not look for plugins in files named like {path.name}; rename it first.")
    target = user_folder() / path.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy)
    except FileExistsError:
        raise UsageError(f"{target} exists already and is left as it is; remove it, or take another name.") from None
    except OSError as error:
        raise StoreError(f"The plugin could not be copied to {target}: {error.strerror}.") from error
    return target


def installed_version(name: str) -> str | None:
    """Return the version of a package, None if it is not installed."""
    try:
        return distribution(name).version
    except (PackageNotFoundError, ValueError):
        return None


def project_name(folder: Path) -> str:
    """Return the name of the package whose source is in a folder.

    Raises:
        ConfigError: The folder has no pyproject.toml, or it is not TOML.
        UsageError: The file gives no name.
    """
    project = read_toml(folder / "pyproject.toml")
    name = project.data.get("project", {}).get("name")
    if not isinstance(name, str):
        raise UsageError(f"{project.path} has no name in a table [project]; add it, since a package needs one.")
    return name


def run_pip(*arguments: str) -> None:
    """Run pip, and make what it installed importable.

    Raises:
        PluginError: It failed; the error has the first reason that pip gave.
    """
    done = subprocess.run(  # noqa: S603 - our own interpreter, and a folder that the user named
        [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reasons = [line.strip() for line in done.stderr.splitlines() if line.strip().lower().startswith("error:")]
        reason = reasons[0] if reasons else "no reason given"
        raise PluginError(f"pip {' '.join(arguments)} failed ({reason}); run it by hand to see the whole output.")
    importlib.invalidate_caches()
