"""Read a file of weights into plain containers of tensors, within bounds. No pickle is ever executed.

What a file declares is compared with its size before anything is allocated, since a small file can declare terabytes.
"""

from __future__ import annotations

import os
import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch

from srbench.errors import CheckpointError
from srbench.files import sha256_of
from srbench.networks.pickled import harmless_objects, is_archive, objects_in

MAX_BYTES = 4 * 2**30
"""A larger file is refused: the field's largest networks stay below 1 GiB."""
_UNPACK, _DOWNLOAD = "unpack it and give the checkpoint inside", "download the file itself"
_CONVERT = "give the weights from which it was made, or save its arrays as tensors with torch.save"
_OTHER_FORMATS = (
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd|.{257}ustar", "an archive", _UNPACK),
    (rb"PK\x05\x06", "an empty ZIP archive", _DOWNLOAD),
    (rb"\s*<(!doctype|html|\?xml)", "a web page", _DOWNLOAD),
    (rb"version https://git-lfs", "a pointer of Git LFS to a file elsewhere", _DOWNLOAD + " with `git lfs pull`"),
    (rb"\x08[\x01-\x14][\x12\x1a\x22\x3a]", "an ONNX model", _CONVERT),
    (rb"....TFL3", "a TensorFlow Lite model", _CONVERT),
    (rb"\x89HDF", "an HDF5 file", _CONVERT),
    (rb"\x93NUMPY", "a NumPy file", _CONVERT),
    (rb"MATLAB", "a MATLAB file", _CONVERT),
    (rb"GGUF", "a GGUF file", _CONVERT),
)
"""How files of other formats begin, what they are, and what to do with them."""


def read_checkpoint(path: Path) -> Any:  # noqa: ANN401 - any container
    """Read a safetensors file, or what ``torch.save`` wrote.

    Args:
        path: The file.

    Returns:
        Dicts and lists of tensors (on the CPU), numbers and strings. `srbench.networks.pickled` says what stands in for
        other harmless objects.

    Raises:
        CheckpointError: The file is missing, empty, too large, damaged or holds objects that could run code.
    """
    if not os.path.exists(path):  # noqa: PTH110 - pathlib's raises if the name is too long
        raise CheckpointError(f"There is no checkpoint at {path}; give the path of a weights file.")
    if not path.is_file():
        kind = "folder" if path.is_dir() else "device or pipe"
        raise CheckpointError(f"{path} is a {kind}, not a file; give the path of a weights file.")
    size = path.stat().st_size
    if size == 0:
        raise CheckpointError(f"{path} is empty: its download or copy failed; get it again.")
    if size > MAX_BYTES:
        raise CheckpointError(
            f"{path} has {size / 2**30:.1f} GiB, more than the {MAX_BYTES / 2**30:.0f} GiB that srbench reads; "
            "export the weights alone into a safetensors file."
        )
    try:
        return _read_safetensors(path) if _is_safetensors(path) else _read_torch(path, size)
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        raise _refused(path) from error
    except Exception as error:  # a damaged file can make its reader raise anything
        raise _damaged(path) from error


def load_tensors(file: Path | BinaryIO, device: torch.device | str = "cpu") -> Any:  # noqa: ANN401 - any container
    """Read what ``torch.save`` wrote from tensors, numbers, strings, lists and dicts.

    Raises:
        UnpicklingError: It holds anything else, which could run code, or is damaged.
        RuntimeError: It is damaged; torch may raise other errors then.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about pickle protocols
        return torch.load(file, map_location=device, weights_only=True)


def verified(path: Path, sha256: str) -> Path:
    """Return the path, if the file has this hash.

    Raises:
        CheckpointError: It has another.
    """
    if (found := sha256_of(path)) != sha256:
        raise CheckpointError(
            f"{path} is not the published file (sha256 {found[:12]}…, expected {sha256[:12]}…); "
            "remove it and get it again."
        )
    return path


def _is_safetensors(path: Path) -> bool:
    # the format starts with the length of a JSON header, so its ninth byte is a brace
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _read_safetensors(path: Path) -> Any:  # noqa: ANN401 - checked by the caller
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} is damaged or not a safetensors file ({reason}); get it again.") from error


def _read_torch(path: Path, size: int) -> Any:  # noqa: ANN401 - checked by the caller
    zipped = is_archive(path)
    if zipped:
        _check_archive(path, size)
    with warnings.catch_warnings(), torch.serialization.safe_globals(harmless_objects()):
        warnings.simplefilter("ignore")  # about pickle protocols
        # Mapped storages cannot reach beyond the file, whatever size the pickle declares for them.
        return torch.load(str(path), map_location="cpu", weights_only=True, mmap=zipped)


def _check_archive(path: Path, size: int) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if any(entry.filename.endswith("/constants.pkl") for entry in entries):
        raise CheckpointError(
            f"{path} is a TorchScript program, which would run code; ask its authors for the state_dict alone."
        )
    if not any(entry.filename.endswith("/data.pkl") for entry in entries):
        first = entries[0].filename if entries else "absent"
        raise CheckpointError(
            f"{path} is a ZIP archive, not a checkpoint of PyTorch (its first file is {first}); if it has a checkpoint "
            "inside, unpack it."
        )
    declared = sum(entry.file_size for entry in entries)
    if declared > size or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CheckpointError(
            f"{path} packs {declared / 2**20:.1f} MiB into {size / 2**20:.1f} MiB, which PyTorch does not do with "
            "checkpoints; ask its authors for the state_dict as they saved it."
        )


def _refused(path: Path) -> CheckpointError:
    found = objects_in(path)
    if not found:
        return _damaged(path)
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return CheckpointError(
        f"{path} was not loaded, since it holds pickled Python objects, which could run code ({', '.join(found[:3])}"
        f"{more}); ask its authors for the state_dict alone, or extract it yourself where you trust the file."
    )


def _damaged(path: Path) -> CheckpointError:
    with path.open("rb") as file:
        start = file.read(512)
    for beginning, kind, remedy in _OTHER_FORMATS:
        if re.match(beginning, start, re.DOTALL | re.IGNORECASE):
            return CheckpointError(f"{path} is {kind}, not a checkpoint of PyTorch; {remedy}.")
    return CheckpointError(f"{path} is damaged or not a checkpoint of PyTorch; get it again.")
