"""Networks on the Hugging Face Hub that srbench exported: ``hf:OWNER/NAME``, or ``hf:OWNER/NAME@REVISION``.

The repository is what ``srbench export --to hub-folder`` wrote: ``config.json`` names the architecture, which a plugin
has to provide, and ``model.safetensors`` has its weights. The program beside them is never run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import torch
from torch import nn

import srbench
from srbench.networks.elsewhere import hub_file

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def make(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:
    """Make the spec of a network with its weights.

    Args:
        argument: OWNER/NAME, and @REVISION for a branch, tag or commit.
        others: The architectures, one of which it is.

    Raises:
        CheckpointError: The files have changed since their first use, or are not those of an export.
        UnavailableError: They cannot be downloaded.
        UnknownNameError: No plugin provides the architecture.
    """
    repository, _, revision = argument.partition("@")
    config = _config(repository, revision or None)
    weights = hub_file(repository, WEIGHTS, revision or None)
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    if sha256 != config["weights_sha256"]:
        raise srbench.CheckpointError(
            f"{WEIGHTS} of hf:{argument} is not the file that its {CONFIG} names (its sha256 is another); "
            "ask its owner to export it again."
        )
    own = others[config["architecture"]]
    scale = srbench.parse_scale(str(config["scale"]))

    def load(*given: int) -> nn.Module:
        with torch.device("cpu"):  # weights have values, which a network on meta would lose
            network = own.build(*given)
            network.load_state_dict(srbench.load_state_dict(weights, network.state_dict()).state)
        return network.eval()

    return dataclasses.replace(
        own,
        name=f"hf:{argument}",
        label=f"{own.title} ({repository})",
        build=load,
        scales=own.scales if own.one_network else frozenset({scale}),
        trainable=False,
        checkpoints=(),
        reported=(),
        recipe=None,
        weights_sha256=sha256,
        extra_hash="".join((sha256, others.code_hash(own.name), own.extra_hash)),
        notes=f"Exported by srbench {config['srbench']} as {own.name}.",
    )


def _config(repository: str, revision: str | None) -> dict[str, Any]:
    path = hub_file(repository, CONFIG, revision)
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        missing = {"architecture", "scale", "srbench", "weights_sha256"} - config.keys()
    except (ValueError, AttributeError):
        missing = {"architecture"}
    if missing:
        raise srbench.CheckpointError(
            f"{CONFIG} of hf:{repository} does not say {min(missing)}, so that srbench did not export it; "
            "name a repository that `srbench push` uploaded."
        )
    return config


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Provide exported networks by their repositories."""
    return [
        srbench.Family(
            name="hf",
            make=make,
            example="hf:OWNER/NAME",
            label="a network that srbench exported to the Hugging Face Hub",
        )
    ]
