"""Copy a plugin's file to where srbench finds it from every folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from srbench.catalog.discovery import user_folder
from srbench.errors import StoreError, UsageError


def adopt_file(path: Path) -> Path:
    """Copy a single-file plugin into the user's plugin folder.

    Returns:
        The copy.

    Raises:
        UsageError: A file of that name is there already, or srbench would not look into one of that name.
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
