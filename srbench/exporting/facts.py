"""What an exported file says about the network in it."""

from __future__ import annotations

import importlib.metadata
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from srbench.files import sha256_of
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.records.record import Record
from srbench.records.stored import Stored
from srbench.scales import Scale
from srbench.upscaling.loading import ChosenModel

NAME = "srbench"
"""The name under which a file holds these facts, as JSON."""
SMALLEST_SIDE = 8
"""Programs are not tried on images with a smaller side."""


class ExportFacts(Stored):
    """The network, where its weights are from, and what it is called with."""

    architecture: str
    scale: Scale
    channels: Literal["rgb", "y"]
    """"y": it takes and returns luma, one channel; see `ArchitectureSpec.channels`."""
    smallest_side: int
    """The smallest height and width in pixels of an image that its program takes."""
    source: str
    """"checkpoint": published weights; "trained": by srbench; "file"; "fixed": weights that the name itself means."""
    checkpoint: str | None = None
    """Tag of published weights, or name of a file."""
    source_sha256: str | None = None
    """The sha256 of the file that the weights were read from; None for an operator without weights."""
    license: str | None = None
    """SPDX id of the licence of published weights; None if they state none, or are not published."""
    key: str | None = None
    """The key of the training or model in records."""
    recipe: str | None = None
    distiller: str = Field(default="none", exclude_if=lambda distiller: distiller == "none")
    teacher: str | None = Field(default=None, exclude_if=operator.not_)
    train_degradation: str | None = None
    trained_on: tuple[str, ...] = ()
    seed: int | None = None
    srbench: str
    """The version that wrote the file."""

    @property
    def text(self) -> str:
        """The facts as the JSON that a file holds."""
        return self.model_dump_json(exclude_none=True)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is exported."""

    network: Network
    """The network in eval mode."""
    facts: ExportFacts
    records: tuple[Record, ...] = ()
    """Its measured cells."""
    hub_datasets: Mapping[str, str] = field(default_factory=dict)
    """The ids that datasets have on a hub, by their names here."""


def facts_of(chosen: ChosenModel, spec: ArchitectureSpec) -> ExportFacts:
    """Return the facts about a chosen model: those of its records, if a row named it, else those of its spec."""
    model = chosen.model
    found = ExportFacts(
        architecture=_without_folder(spec.name),
        scale=chosen.scale,
        channels=spec.channels,
        smallest_side=max(SMALLEST_SIDE, spec.min_size, spec.size_multiple),
        source=model.source,
        checkpoint=model.file_title,
        source_sha256=spec.weights_sha256 or None,
        srbench=importlib.metadata.version("srbench"),
    )
    if model.files:
        found = found.model_copy(update={"source_sha256": sha256_of(model.files[0])})
    if model.checkpoint is not None:
        published = spec.published(model.checkpoint, model.scales)[0]
        of_checkpoint = {
            "checkpoint": published.tag,
            "source_sha256": published.sha256,
            "license": None if published.license.startswith("unknown") else published.license,
            "trained_on": tuple(sorted(published.trained_on)),
        }
        found = found.model_copy(update=of_checkpoint)
    if chosen.records:
        measured = chosen.records[0].model
        same = ("key", "recipe", "distiller", "teacher", "train_degradation", "trained_on", "seed")
        found = found.model_copy(update={name: getattr(measured, name) for name in same})
        if measured.weights_sha256:
            found = found.model_copy(update={"source_sha256": measured.weights_sha256})
    return found


def _without_folder(name: str) -> str:
    """Return a name whose argument is a file without the folders before it, which are of this machine."""
    family, colon, argument = name.partition(":")
    return f"{family}:{Path(argument).name}" if colon and Path(argument).expanduser().is_file() else name
