"""Find the network that a name, a file or a row of results means, and load it with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from srbench.catalog.catalog import Catalog, load_catalog
from srbench.datasets.library import Library
from srbench.errors import CheckpointError, UsageError
from srbench.files import cache_root, sha256_of
from srbench.measuring.protocol import Inference
from srbench.networks.deployed import deployed
from srbench.networks.spec import ArchitectureSpec
from srbench.planning.applying import Drawing
from srbench.planning.axes import Named, find_architecture
from srbench.planning.cells import Model
from srbench.records.record import Record
from srbench.report.reading import read_records
from srbench.report.rows import SEPARATOR, names_a_row, rows_named
from srbench.running.models import LoadedModel, load_model
from srbench.running.stages import TRAIN, WEIGHTS, JobName
from srbench.running.store import Store
from srbench.scales import Scale
from srbench.upscaling.upscaler import MEMORY, Upscaler


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """What a name means: one set of weights at one scale, not loaded yet."""

    model: Model
    scale: Scale
    trained: Path = Path()
    """The folder of its weights, if they were trained here."""
    records: tuple[Record, ...] = ()
    """Its measured cells at this scale, if a row of results named it; that of the row is the first."""


def choose_model(
    name: str, catalog: Catalog, scale: Scale | None = None, *, architecture: str | None = None
) -> ChosenModel:
    """Find the network and the weights that a name means.

    Args:
        name: Published weights (``edsr_baseline.div2k``), a fixed operator (``bicubic``), a file that names its network
            itself (``spandrel:FILE``), a file of weights with ``architecture``, or a row of a results folder
            (``results#edsr_small``, or the first digits of a record's key in place of the method).
        catalog: The plugins.
        scale: The factor; may be absent where the weights are for one only.
        architecture: The network of a file of weights.

    Raises:
        CheckpointError: The weights of a row are not in the cache of this machine, or have changed.
        UnknownNameError: There is no such network, checkpoint or row.
        UsageError: The network is untrained, enlarges nothing, or the scale is open or none of its own.
    """
    trained, records = Path(), tuple[Record, ...]()
    if names_a_row(name):
        model, trained, records = _row(name, scale, catalog)
    elif architecture is not None:
        spec = find_architecture(catalog, architecture).spec
        model = Model(architecture=spec.name, source="file", files=(Path(name),), scales=(_scale(spec, scale, name),))
    elif Path(name).is_file() and ":" not in name:
        raise UsageError(
            f"{name} does not say which network it is for; name it with --architecture, or as spandrel:FILE."
        )
    else:
        named = find_architecture(catalog, name)
        _check_enlarges(named.spec, name)
        factor = _scale(named.spec, scale, name, named.tag)
        if named.tag is not None:
            model = named.published(factor)
        elif named.spec.trainable:
            raise UsageError(f"{name} has no weights yet. {_weights_of(named.spec)}")
        else:
            model = Model(architecture=named.spec.name, source="fixed", scales=(factor,))
    spec = catalog.networks[model.architecture]
    _check_enlarges(spec, name)
    chosen = scale if scale is not None and spec.has_scale(scale) else model.scales[0]
    return ChosenModel(model, chosen, trained, records)


def load_chosen(
    chosen: ChosenModel, catalog: Catalog, weights_folders: Sequence[Path] = (), device: str = "cpu"
) -> LoadedModel:
    """Load what `choose_model` found; its network is in eval mode.

    Raises:
        CheckpointError: The weights are missing, damaged or do not fit.
    """
    library = Library(None, catalog.datasets)
    return load_model(chosen.model, library, catalog, chosen.trained, weights_folders, torch.device(device))


def load_upscaler(
    name: str,
    catalog: Catalog,
    scale: Scale | None = None,
    *,
    architecture: str | None = None,
    weights_folders: Sequence[Path] = (),
    device: str = "cpu",
    inference: Inference = Inference(),  # noqa: B008 - frozen
    drawing: Drawing = Drawing(),  # noqa: B008 - frozen
    memory: int = MEMORY,
) -> Upscaler:
    """Load a network with its weights, ready to enlarge images.

    Args:
        name: See `choose_model`, as for all others that are not listed.
        catalog: The plugins.
        scale: The factor; may be absent where the weights are for one only.
        architecture: The network of a file of weights.
        weights_folders: Folders with published checkpoints.
        device: Where to compute.
        inference: Self-ensemble and precision.
        drawing: How a network draws sr or is fitted; without a sampler or steps, as the row that named it.
        memory: Bytes that the network may use at once.

    Raises:
        CheckpointError: The weights are missing, damaged or do not fit.
        UnknownNameError: There is no such network, checkpoint or row.
        UsageError: The network is untrained, enlarges nothing, has no such sampler, or the scale is open or none of
            its own.
    """
    chosen = choose_model(name, catalog, scale, architecture=architecture)
    own = _drawing_of(chosen.records[0]) if chosen.records else Drawing()
    drawing = replace(drawing, sampler=drawing.sampler or own.sampler, fit_steps=drawing.fit_steps or own.fit_steps)
    inference = drawing.applied(catalog.networks[chosen.model.architecture], inference)
    loaded = load_chosen(chosen, catalog, weights_folders, device)
    return Upscaler(
        name=chosen.model.title, network=deployed(loaded.network), scale=chosen.scale, device=torch.device(device),
        inference=inference, memory=memory, doubts=loaded.doubts,
    )  # fmt: skip


def _drawing_of(record: Record) -> Drawing:
    """Return the sampler or the steps of the fit of a row."""
    first = record.drawn.partition(",")[0]
    name, _, value = first.partition("=")
    return Drawing(fit_steps=int(value)) if name == "fit" else Drawing(sampler=first)


def _check_enlarges(spec: ArchitectureSpec, name: str) -> None:
    if spec.task != "sr":
        raise UsageError(f"{name} recognises images and enlarges none; choose a network for super-resolution.")
    if spec.conditions:
        raise UsageError(f"{name} needs {', '.join(spec.conditions)} beside an image; choose a blind network.")


def _weights_of(spec: ArchitectureSpec) -> str:
    tags = sorted({f"{spec.name}.{checkpoint.tag}" for checkpoint in spec.checkpoints})
    if tags:
        return f"Choose published ones: {', '.join(tags)}."
    return "Train it with `srbench run`, and name the row of the results: --model results#NAME."


def _scale(spec: ArchitectureSpec, wanted: Scale | None, name: str, tag: str | None = None) -> Scale:
    """Return the factor to use: the wanted one, or the only one there is."""
    published = {checkpoint.scale for checkpoint in spec.checkpoints if checkpoint.tag == tag} if tag else {None}
    own = sorted(spec.scales if None in published else {scale for scale in published if scale is not None})
    has = ", ".join(f"x{scale}" for scale in own)
    if wanted is None:
        if len(own) != 1:
            raise UsageError(f"{name} enlarges by {has}; choose one with --scale.")
        return own[0]
    if not spec.has_scale(wanted) or (None not in published and wanted not in own):
        raise UsageError(f"{name} does not enlarge by {wanted}; it has {has}.")
    return wanted


def _row(name: str, scale: Scale | None, catalog: Catalog) -> tuple[Model, Path, tuple[Record, ...]]:
    """Return the model of a row of a results folder, the folder of its trained weights, and its records.

    Of a method that was trained several times, it is the training on bicubic LR, and with the first seed.
    """
    found = rows_named(name)
    scales = sorted({record.scale for record in found})
    if scale is None and len(scales) > 1:
        raise UsageError(f"{name} enlarges by {', '.join(f'x{s}' for s in scales)}; choose one with --scale.")
    wanted = scales[0] if scale is None else scale
    own = [record for record in found if record.scale == wanted] or found
    own = [record for record in own if record.model.train_degradation in (None, "bicubic")] or own
    degradations = sorted({str(record.model.train_degradation) for record in own})
    if len(degradations) > 1:
        raise UsageError(f"{name} was trained on {', '.join(degradations)}; name the key of a record in its place.")
    first = min(own, key=lambda record: record.model.seed or 0)
    model, trained = _model_of(first, wanted, name, catalog)
    stored = read_records(Path(name.rpartition(SEPARATOR)[0])).records
    cells = (r for r in stored if r.status == "ok" and (r.model.key, r.scale) == (first.model.key, wanted))
    return model, trained, (first, *(cell for cell in cells if cell.key != first.key))


def _model_of(record: Record, scale: Scale, name: str, catalog: Catalog) -> tuple[Model, Path]:
    facts = record.model
    spec = catalog.networks[facts.architecture]
    named = Named(spec, facts.checkpoint)
    if facts.source == "fixed":
        return Model(architecture=spec.name, source="fixed", scales=(scale,)), Path()
    if facts.source == "checkpoint":
        return named.published(scale), Path()
    if facts.source != "trained":
        raise UsageError(f"{name} is {facts.source}; name its parts or its files themselves.")
    folder = Store(cache_root()).folder(JobName(TRAIN, facts.key))
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise CheckpointError(
            f"The weights of {name} are not in the cache of this machine; run its suite here, or name a file."
        )
    if sha256_of(weights) != facts.weights_sha256:
        raise CheckpointError(f"{weights} is not what {name} measured (its sha256 is another); run its suite again.")
    return Model(architecture=spec.name, source="trained", scales=named.scales(record.scale)), folder


def load(
    name: str,
    scale: Scale | None = None,
    *,
    architecture: str | None = None,
    weights_folders: Sequence[Path] = (),
    device: str = "cpu",
    self_ensemble: bool = False,
    sampler: str = "",
    seed: int | None = None,
    fit_steps: int | None = None,
    plugin_files: Sequence[Path] = (),
) -> Upscaler:
    """Load a network with its weights: ``srbench.load("imdn.div2k", scale=4).upscale(image)``.

    Args:
        name: See `load_upscaler`, as for all others that are not listed.
        scale: The factor; may be absent where the weights are for one only.
        architecture: The network of a file of weights.
        weights_folders: Folders with published checkpoints.
        device: Where to compute.
        self_ensemble: Whether to take the mean over eight flips and rotations.
        sampler: How a network that samples draws sr: "ddim-20"; its first sampler if empty.
        seed: Of what is drawn by a sampler or a fit; 0 if absent.
        fit_steps: Steps of a network that is fitted to each image; its paper's if absent.
        plugin_files: Single-file plugins to load beside those that are installed.

    Raises:
        SrbenchError: See `load_upscaler`.
    """
    return load_upscaler(
        name, load_catalog(plugin_files), scale, architecture=architecture, weights_folders=weights_folders,
        device=device, inference=Inference(self_ensemble=self_ensemble),
        drawing=Drawing(sampler=sampler, seed=seed, fit_steps=fit_steps),
    )  # fmt: skip
