"""What makes a network an ONNX file: the code and the packages that decide what is in it, so that files can be named.

A version that a person must raise would be forgotten: a quantiser has many parts. So a change of any file here makes
new files, as a change of a plugin does.
"""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = ("deploying/*.py", "networks/conversion.py", "networks/deployed.py")
"""The files of srbench that convert and quantise."""
PACKAGES = {"convert": ("torch", "onnx", "onnxscript"), "quantise": ("onnxruntime", "nncf")}
"""The packages that do the work."""


def writer_of(*, quantised: bool) -> dict[str, str]:
    """Return what writes files: the hash of srbench's code, and the version of each package, "" if it is absent.

    Args:
        quantised: Whether they are quantised; the packages for it decide nothing of other files.
    """
    names = (*PACKAGES["convert"], *(PACKAGES["quantise"] if quantised else ()))
    return {"code": code_hash(ROOT), **{name: _version(name) for name in names}}


@functools.cache
def code_hash(root: Path) -> str:
    """Return the sha256 of the files `CODE` below a copy of srbench."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in CODE for path in root.glob(pattern)):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
