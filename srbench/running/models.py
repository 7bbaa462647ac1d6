"""Load a planned model: a network with its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from srbench.catalog.catalog import Catalog
from srbench.errors import CheckpointError
from srbench.networks.averaging import average_weights
from srbench.networks.fitting import fit
from srbench.networks.network import Network, build_network
from srbench.networks.spec import ArchitectureSpec, Checkpoint
from srbench.networks.weights import load_state_dict, verified
from srbench.planning.cells import Model
from srbench.running.keys import Keys
from srbench.running.session import Session

WEIGHTS = "weights.safetensors"
"""The file of a training's weights, in the folder of its job."""


def stored_model(model: Model, session: Session, keys: Keys, device: torch.device) -> Network:
    """Load the network of a planned model; trained weights are those that this session's store has.

    Raises:
        CheckpointError: See `load_model`. Trained weights that cannot be loaded are deleted.
    """
    job = keys.model(model)
    try:
        return load_model(model, session.catalog, session.store.folder(job), session.weights_folders, device)
    except CheckpointError as error:
        if model.source != "trained":
            raise
        session.store.forget(job)
        raise CheckpointError(f"{error} These weights were trained here: the next run trains them again.") from error


def load_model(
    model: Model, catalog: Catalog, trained: Path, weights_folders: Sequence[Path], device: torch.device
) -> Network:
    """Build the network of a planned model, with its weights, in eval mode.

    Weights that were trained here are in the folder ``trained``; published ones may be in ``weights_folders``.

    Raises:
        CheckpointError: The weights are missing, damaged, foreign or do not fit.
    """
    spec = catalog.architectures[model.architecture]
    network = build_network(spec, model.scales[0])
    if model.source != "fixed":
        state, path = _state(model, spec, trained, weights_folders)
        fit(network, state, path, catalog.architectures)
    network.module.eval().to(device)
    return network


def find_checkpoint(checkpoint: Checkpoint, folders: Sequence[Path], name: str) -> Path:
    """Return the file of a published checkpoint, checked against its hash; download it if it has a public address."""
    from srbench.files import cache_root, fetch_file

    for folder in folders:
        for path in (folder / checkpoint.file, folder / Path(checkpoint.file).name):
            if path.is_file():
                return verified(path, checkpoint.sha256)
    if checkpoint.url is None:
        looked = ", ".join(str(f / checkpoint.file) for f in folders) or "nowhere, since no --weights-dir was given"
        raise CheckpointError(
            f"The checkpoint {name} has no public address and was not found (looked for {looked}); "
            "get it from its authors and point --weights-dir at its folder."
        )
    return fetch_file([checkpoint.url], checkpoint.sha256, cache_root() / "checkpoints" / checkpoint.file)


def _state(
    model: Model, spec: ArchitectureSpec, trained: Path, folders: Sequence[Path]
) -> tuple[Mapping[str, Tensor], Path]:
    if model.source == "checkpoint":
        name = f"{model.architecture}.{model.checkpoint}"
        found = spec.published(model.checkpoint, model.scales)
        if not found:
            raise CheckpointError(f"{name} has no weights for x{model.scales[0]}; choose another scale or tag.")
        path = find_checkpoint(found[0], folders, name)
        return (found[0].read(path) if found[0].read else load_state_dict(path).state), path
    paths = model.files or (trained / WEIGHTS,)
    return average_weights({str(path): load_state_dict(path).state for path in paths}), paths[0]
