"""Read weights from files: safetensors, or what ``torch.save`` wrote from tensors. No pickle is ever executed."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from srbench.errors import CheckpointError
from srbench.files import sha256_of

MAX_BYTES = 4 * 2**30
"""A larger file is refused: the field's largest networks stay below 1 GiB."""
WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model")
"""Keys under which releases keep their weights; where several are there, the first of these wins."""
PREFIXES = ("module.", "_orig_mod.")
"""What data-parallel and compiled modules put before every key."""
OPTIMISER_KEYS = frozenset({"param_groups", "optimizer", "optimizers", "optimizer_state_dict"})


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """A state dict, and what had to be undone to get it."""

    state: dict[str, Tensor]
    undone: tuple[str, ...]
    """What was removed, outermost first: ("params_ema", "without epoch", "module.")."""


def load_state_dict(path: Path) -> LoadedWeights:
    """Read a file of weights onto the CPU.

    Args:
        path: A safetensors file, or one that ``torch.save`` wrote from tensors alone.

    Raises:
        CheckpointError: The file is missing, empty, too large, damaged, holds code or anything but tensors, or is an
            optimiser's state.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint at {path}; give the path of a weights file.")
    size = path.stat().st_size
    if size == 0:
        raise CheckpointError(f"{path} is empty; its download or copy failed, so get it again.")
    if size > MAX_BYTES:
        raise CheckpointError(
            f"{path} has {size / 2**30:.1f} GiB, more than the {MAX_BYTES / 2**30:.0f} GiB that srbench reads; "
            "export the weights alone into a safetensors file."
        )
    content = _read_safetensors(path) if _is_safetensors(path) else _read_torch(path)
    return _unwrapped(content, path)


def load_tensors(file: Path | BinaryIO, device: torch.device | str = "cpu") -> Any:  # noqa: ANN401 - any container
    """Read what ``torch.save`` wrote from tensors, numbers, strings, lists and dicts.

    Raises:
        UnpicklingError: It holds anything else, which could run code, or is damaged.
        RuntimeError: It is damaged; `load_state_dict` knows what else torch raises then.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about pickle protocols
        return torch.load(file, map_location=device, weights_only=True)


def verified(path: Path, sha256: str) -> Path:
    """The path, if the file has this hash.

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
        raise CheckpointError(f"{path} is damaged or no safetensors file ({error}); get it again.") from error


def _read_torch(path: Path) -> Any:  # noqa: ANN401 - checked by the caller
    try:
        return load_tensors(path)
    except pickle.UnpicklingError as error:
        with path.open("rb") as file:
            start = file.read(2)
        if start != b"PK" and start[:1] != b"\x80":  # neither the zip nor the pickle that torch.save writes
            raise CheckpointError(f"{path} is damaged or no checkpoint of PyTorch; get it again.") from error
        raise CheckpointError(
            f"{path} holds pickled Python objects, which could run code, so it was not loaded; "
            "ask its authors for the state_dict alone, or convert it where you trust it."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or no checkpoint of PyTorch; get it again.") from error


def _unwrapped(content: object, path: Path) -> LoadedWeights:
    undone: list[str] = []
    while isinstance(content, Mapping) and (key := _wrapper(content)):
        content = content[key]
        undone.append(key)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a state dict; save `model.state_dict()`.")
    tensors = {str(k): t for k, t in content.items() if isinstance(t, Tensor)}
    others = [str(k) for k in content if str(k) not in tensors]
    if OPTIMISER_KEYS & {str(k) for k in content} and not tensors:
        raise CheckpointError(f"{path} holds an optimiser's state and no weights; give the file of the network.")
    if not tensors:
        raise CheckpointError(f"{path} holds no tensors; give a file with the weights of a network.")
    if others:
        undone.append(f"without {', '.join(others[:3])}{', …' if len(others) > 3 else ''}")
    while prefix := next((p for p in PREFIXES if all(k.startswith(p) for k in tensors)), ""):
        tensors = {k.removeprefix(prefix): t for k, t in tensors.items()}
        undone.append(prefix)
    return LoadedWeights(tensors, tuple(undone))


def _wrapper(content: Mapping[Any, Any]) -> str:
    return next((k for k in WRAPPERS if isinstance(content.get(k), Mapping)), "")
