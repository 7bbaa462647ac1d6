"""A folder for a model hub: weights, a program for plain PyTorch, facts, a card, and scores with their protocols."""

from __future__ import annotations

import json
from pathlib import Path

from srbench.errors import ExportError
from srbench.exporting.card import write_card
from srbench.exporting.eval_results import eval_results
from srbench.exporting.facts import Subject
from srbench.exporting.programs import TORCHSCRIPT, Program, make_program
from srbench.exporting.weights import write_weights
from srbench.files import atomic_folder, sha256_of
from srbench.networks.conversion import load_torchscript

WEIGHTS, PROGRAM, CONFIG, CARD = "model.safetensors", "program.pt", "config.json", "README.md"
RESULTS = Path(".eval_results") / "srbench.yaml"


def write_hub_folder(path: Path, subject: Subject) -> Program:
    """Write the folder, whole or not at all; see the module.

    Raises:
        ExportError: The network has no weights, or no TorchScript program that takes them under their names.
        StoreError: The folder cannot be written.
    """
    network, facts = subject.network, subject.facts
    with atomic_folder(path) as folder:
        write_weights(folder / WEIGHTS, subject)
        program = make_program(TORCHSCRIPT, network, facts)
        held = load_torchscript(program.content).module.state_dict()
        if held.keys() != network.module.state_dict().keys():
            raise ExportError(
                f"{facts.architecture} x{facts.scale} was not exported as a folder for a hub: its program does not "
                "hold the weights under their names; choose --to onnx or torchscript."
            )
        (folder / PROGRAM).write_bytes(program.content)
        config = facts.model_dump(mode="json", exclude_none=True) | {"weights_sha256": sha256_of(folder / WEIGHTS)}
        (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (folder / CARD).write_text(write_card(subject, program), encoding="utf-8")
        if results := eval_results(subject):
            (folder / RESULTS).parent.mkdir()
            (folder / RESULTS).write_text(results, encoding="utf-8")
    return program


def is_hub_folder(path: Path) -> bool:
    """Return whether a folder holds what `write_hub_folder` writes, and nothing else that could be lost."""
    own = {WEIGHTS, PROGRAM, CONFIG, CARD}
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    return own <= names <= own | {RESULTS.parent.name}
