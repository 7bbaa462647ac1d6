"""Training checkpoints and final weights: whole or absent, checked by hash, and read without executing anything."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from srbench.errors import TrainingError
from srbench.files import atomic_write
from srbench.networks.checkpoint_files import load_tensors

CHECKPOINTS_KEPT = 2
"""The newest checkpoint, and the one before in case the newest is damaged."""


class Checkpoints:
    """The checkpoints of one training, in a folder of their own.

    A file's name carries the step and the hash of its content, so a truncated or altered file is recognised as such.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        """Use the folder of this training alone; checkpoints of another ``identity`` are not used."""
        self.folder, self._identity = folder, identity
        self._storable = False

    def save(self, step: int, state: Mapping[str, Any]) -> Path:
        """Write the state after ``step`` steps, and forget all but the newest two.

        Raises:
            TrainingError: The state holds an object that could not be read back.
            StoreError: The folder cannot be written, or the disk is full.
        """
        buffer = io.BytesIO()
        torch.save({**state, "identity": self._identity}, buffer)
        data = buffer.getvalue()
        if not self._storable:  # once: what a distiller keeps in its state does not change its type
            try:
                load_tensors(io.BytesIO(data), torch.device("cpu"))
            except pickle.UnpicklingError as error:
                raise TrainingError(
                    "The distiller's state holds an object that cannot be read back without executing code; keep only "
                    f"tensors, numbers, strings, lists and dicts in it. ({str(error).splitlines()[0]})"
                ) from error
            self._storable = True
        path = self.folder / f"step-{step:010d}-{hashlib.sha256(data).hexdigest()[:16]}.pt"
        atomic_write(path, data)
        for old in [p for p in self._files() if p != path][CHECKPOINTS_KEPT - 1 :]:
            old.unlink(missing_ok=True)
        return path

    def latest(self, device: torch.device, note: Callable[[str], None]) -> dict[str, Any] | None:
        """Read the newest checkpoint that is whole; None if there is none of this training.

        Args:
            device: Where its tensors go.
            note: Called with a sentence about every file that was passed over.
        """
        for path in self._files():
            try:
                data = path.read_bytes()
                if hashlib.sha256(data).hexdigest()[:16] == path.stem.rpartition("-")[2]:
                    state: dict[str, Any] = load_tensors(io.BytesIO(data), device)
                    break
            except (OSError, RuntimeError, pickle.UnpicklingError):
                pass  # noted like any other damage
            note(f"The checkpoint {path.name} is damaged; going on from the one before it.")
        else:
            return None
        if state.pop("identity", None) != self._identity:
            note("The checkpoint found belongs to another recipe, seed, student or distiller; starting again.")
            self.forget()
            return None
        return state

    def forget(self) -> None:
        """Delete all checkpoints."""
        for path in self._files():
            path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        """List the files, newest first."""
        return sorted(self.folder.glob("step-*.pt"), reverse=True)


def save_weights(path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write final weights, on any device and in any memory format, as safetensors; whole or not at all.

    The folder is made; ``metadata`` are facts that the header of the file stores.

    Raises:
        StoreError: The folder cannot be written, or the disk is full.
    """
    atomic_write(path, safetensors_bytes(plain(weights), dict(metadata) if metadata else None))


def plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy weights to the CPU, contiguous, each in its own memory, as files need them."""
    return {name: w.detach().to("cpu", copy=True).contiguous() for name, w in weights.items()}
