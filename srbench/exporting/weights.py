"""Weights as safetensors, with the facts about them."""

from __future__ import annotations

from pathlib import Path

from srbench.errors import ExportError
from srbench.exporting.facts import NAME, Subject
from srbench.training.checkpoints import save_weights


def write_weights(path: Path, subject: Subject) -> None:
    """Write the weights of a network under the names that its architecture gives them; whole or not at all.

    Raises:
        ExportError: It has none.
        StoreError: The file cannot be written.
    """
    weights = subject.network.module.state_dict()
    if not weights:
        raise ExportError(f"{subject.facts.architecture} has no weights to export; choose --to torchscript.")
    # One entry: safetensors writes several in random order, and equal weights are to be equal files.
    save_weights(path, weights, {NAME: subject.facts.text})
