"""Any checkpoint that the package spandrel recognises, as ``spandrel:FILE``; the file says which network it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

import srbench


def make(argument: str, others: Mapping[str, Any]) -> srbench.ArchitectureSpec:  # noqa: ARG001
    """The network in a file, with its weights.

    The file is read as all weights are (safetensors or tensors alone, never code); the package only names and builds
    the network. Its networks take and give [0, 1].

    Args:
        argument: Path of the file.
        others: Not used.

    Raises:
        CheckpointError: The file cannot be read, is not recognised, or holds no super-resolution network on RGB.
        SrbenchError: The package is not installed.
    """
    path = Path(argument).expanduser()
    state = srbench.load_state_dict(path).state
    try:
        import spandrel as package
    except ImportError as error:
        raise srbench.SrbenchError(
            f"spandrel:{argument} needs the package spandrel; install srbench[checkpoints]."
        ) from error
    try:
        found = package.ModelLoader("cpu").load_from_state_dict(dict(state))
    except package.UnsupportedModelError as error:
        raise srbench.CheckpointError(
            f"The package spandrel does not recognise {path}; if srbench has the architecture, use it with --weights."
        ) from error
    if (found.input_channels, found.output_channels) != (3, 3) or found.scale < 2:
        raise srbench.CheckpointError(
            f"{path} holds {found.architecture.name} with {found.input_channels} channels in, {found.output_channels} "
            f"out and scale {found.scale}; srbench measures RGB networks that enlarge."
        )

    def build(scale: int) -> nn.Module:  # noqa: ARG001 - the file has one scale
        module: nn.Module = package.ModelLoader("cpu").load_from_state_dict(dict(state)).model
        return module.eval()

    size = found.size_requirements
    return srbench.ArchitectureSpec(
        name=f"spandrel:{argument}",
        label=f"{found.architecture.name} ({path.stem})",
        build=build,
        scales=frozenset({found.scale}),
        trainable=False,
        size_multiple=size.multiple_of,
        min_size=max(size.minimum, 1),
        half_precision=frozenset(
            precision
            for precision, allowed in (("fp16", found.supports_half), ("bf16", found.supports_bfloat16))
            if allowed
        ),
        fingerprint=hashlib.sha256(path.read_bytes()).hexdigest(),
        notes=f"Recognised by spandrel as {found.architecture.name}.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Files, by their paths."""
    return [
        srbench.Family(
            name="spandrel", make=make, example="spandrel:weights/model.pth", label="any checkpoint spandrel recognises"
        )
    ]
