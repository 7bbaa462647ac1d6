"""Load a planned model: a network with its weights."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import torch

from srbench.catalog.catalog import Catalog
from srbench.datasets.library import Library
from srbench.errors import CheckpointError, PluginError
from srbench.files import cache_root, fetch_file, sha256_of
from srbench.networks.averaging import average_weights
from srbench.networks.checkpoint_files import verified
from srbench.networks.fitting import doubts_about_scale, fit
from srbench.networks.network import Network
from srbench.networks.shapes import Architectures
from srbench.networks.spec import Checkpoint
from srbench.networks.weights import load_state_dict
from srbench.planning.cells import Model
from srbench.running.keys import Keys, file_hash
from srbench.running.session import Session
from srbench.running.stages import WEIGHTS, Trained
from srbench.tasks.table import task_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """The network of a planned model, and what is to be known about its weights."""

    network: Network
    """The network in eval mode."""
    weights_read: str = ""
    """What was read from a file that holds more than weights: "params_ema, without epoch"."""
    doubts: tuple[str, ...] = ()
    """A sentence for each reason why the weights may be meant for something else."""


def stored_model(model: Model, session: Session, keys: Keys, device: torch.device) -> LoadedModel:
    """Load the network of a planned model; trained weights are those that this session's store has.

    Raises:
        CheckpointError: See `load_model`. Trained weights that are damaged are deleted.
    """
    if model.source == "composed":
        return _composed(model, session, keys, device)
    job = keys.model(model)
    try:
        trained = session.store.folder(job)
        if model.source == "trained":
            _check_trained(trained / WEIGHTS, session.store.read(job))
        return load_model(model, session.library, session.catalog, trained, session.weights_folders, device)
    except CheckpointError as error:
        if model.source != "trained":
            raise
        session.store.forget(job)
        raise CheckpointError(f"{error} These weights were trained here: the next run trains them again.") from error


def _composed(model: Model, session: Session, keys: Keys, device: torch.device) -> LoadedModel:
    """Load the parts of a model, and put them together."""
    spec, parts = (
        session.catalog.networks[model.architecture],
        [stored_model(p, session, keys, device) for p in model.parts],
    )
    if spec.compose is None:
        raise PluginError(f"{spec.name} has parts and no function that composes them; give its spec one.")
    network: Network = spec.compose(spec, [part.network for part in parts])
    network.module.eval().to(device)
    return LoadedModel(network=network, doubts=tuple(chain.from_iterable(part.doubts for part in parts)))


def _check_trained(path: Path, result: Trained | None) -> None:
    """Refuse weights that are not those of the stored result, such as after a fault of the disk."""
    if result is not None and path.is_file() and sha256_of(path) != result.weights_sha256:
        raise CheckpointError(f"{path} has changed since its training ended (its sha256 is another).")


def load_model(
    model: Model,
    library: Library,
    catalog: Catalog,
    trained: Path,
    weights_folders: Sequence[Path],
    device: torch.device,
) -> LoadedModel:
    """Build the network of a planned model, with its weights, in eval mode.

    Weights that were trained here are in the folder ``trained``; published ones may be in ``weights_folders``.

    Raises:
        CheckpointError: The weights are missing, damaged, foreign or do not fit.
    """
    if model.source == "checkpoint":
        loaded = _published(model, catalog.networks, weights_folders)
    elif model.source == "file":
        loaded = _from_files(model, catalog.networks)
    else:
        loaded = LoadedModel(network=untrained(model, library, catalog))
    if model.source == "trained":
        path = trained / WEIGHTS
        weights = load_state_dict(path, loaded.network.module.state_dict())
        fit(loaded.network, model.scales[0], weights.state, path, catalog.networks)
    loaded.network.module.eval().to(device)
    return loaded


def untrained(model: Model, library: Library, catalog: Catalog) -> Network:
    """Build the network of a planned model with fresh weights."""
    spec = catalog.networks[model.architecture]
    return task_of(spec).untrained(spec, model.scales[0], model.recipe, library, catalog)


def find_checkpoint(checkpoint: Checkpoint, folders: Sequence[Path], name: str) -> Path:
    """Return the file of a published checkpoint, checked against its hash; download it if it has a public address."""
    if path := checkpoint_file(checkpoint, folders):
        return verified(path, checkpoint.sha256)
    if checkpoint.url is None:
        looked = ", ".join(str(f / checkpoint.file) for f in folders) or "nowhere, since no --weights-dir was given"
        raise CheckpointError(
            f"The checkpoint {name} has no public address and was not found (looked for {looked}); "
            "get it from its authors and point --weights-dir at its folder."
        )
    return fetch_file([checkpoint.url], checkpoint.sha256, _downloaded(checkpoint))


def checkpoint_file(checkpoint: Checkpoint, folders: Sequence[Path]) -> Path | None:
    """Return the file of a published checkpoint in the first folder that has it; None if none does."""
    for folder in folders:
        for path in (folder / checkpoint.file, folder / Path(checkpoint.file).name):
            if os.path.isfile(path):  # noqa: PTH113 - pathlib's raises if the name is too long
                return path
    return None


def _downloaded(checkpoint: Checkpoint) -> Path:
    return cache_root() / "checkpoints" / checkpoint.file


def weights_files(model: Model, session: Session, keys: Keys) -> tuple[Path, ...]:
    """Return the files of the weights of a planned model, or of its parts; none for a fixed operator."""
    if model.source == "composed":
        return tuple(path for part in model.parts for path in weights_files(part, session, keys))
    if model.source == "trained":
        return (session.store.folder(keys.model(model)) / WEIGHTS,)
    if model.source != "checkpoint":
        return model.files
    published = session.catalog.networks[model.architecture].published(model.checkpoint, model.scales)[:1]
    return tuple(checkpoint_file(each, session.weights_folders) or _downloaded(each) for each in published)


def _published(model: Model, known: Architectures, folders: Sequence[Path]) -> LoadedModel:
    name, spec, scale = f"{model.architecture}.{model.checkpoint}", known[model.architecture], model.scales[0]
    found = spec.published(model.checkpoint, model.scales)
    if not found:
        raise CheckpointError(f"{name} has no weights for x{model.scales[0]}; choose another scale or tag.")
    path = find_checkpoint(found[0], folders, name)
    own_reader = found[0].read
    reader = partial(own_reader, path) if own_reader else lambda: load_state_dict(path).state
    network, filled = task_of(spec).for_weights(spec, scale, reader)
    if own_reader:
        fit(filled, scale, own_reader(path), path, known)
        return LoadedModel(network=network)
    weights = load_state_dict(path, filled.module.state_dict())
    fit(filled, scale, weights.state, path, known)
    return LoadedModel(network=network, weights_read=weights.read)


def _from_files(model: Model, known: Architectures) -> LoadedModel:
    spec, scale, paths = known[model.architecture], model.scales[0], model.files
    network, filled = task_of(spec).for_weights(spec, scale, lambda: load_state_dict(paths[0]).state)
    own = filled.module.state_dict()
    weights = {path: load_state_dict(path, own) for path in paths}
    state = average_weights({str(path): one.state for path, one in weights.items()})
    fit(filled, scale, state, paths[0], known)
    if changed := [path for path in paths if sha256_of(path) != file_hash(path)]:
        raise CheckpointError(f"{changed[0]} changed while this run used it; run again.")
    doubts = (doubts_about_scale(w, path, model.architecture, scale, known) for path, w in weights.items())
    read = dict.fromkeys(one.read for one in weights.values() if one.read)
    return LoadedModel(network=network, weights_read="; ".join(read), doubts=tuple(chain.from_iterable(doubts)))
