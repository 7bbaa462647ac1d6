"""The record of a cell: every number with its protocol, every missing number with a reason."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field

from srbench.records.costs import Deployment, ImageCosts, Profile
from srbench.records.model import ModelFacts
from srbench.records.row import RowId
from srbench.records.scores import Certification, ImageScores, Score
from srbench.records.stored import FileInside, Stored, absent
from srbench.scales import Scale

RECORD_VERSION: Literal[1] = 1
_SAMPLES = re.compile(r"samples=(\d+)")


class Environment(Stored):
    """The software and the machine that produced the record."""

    srbench: str
    torch: str
    python: str
    device: str
    machine: str
    machine_name: str
    """For people: processor, cores, memory."""
    git_commit: str | None = None
    """Of srbench's own checkout, with "+" if files differed from it; None for an installed wheel."""
    git_origin: str = Field(default="", exclude_if=operator.not_)
    """Where that checkout is from, without credentials; empty if unknown."""
    packages: dict[str, str] = Field(default_factory=dict)
    threads: int = 0


class MadeBy(Stored):
    """What a row was made from; with the environment, enough to make it again."""

    suite: dict[str, Any]
    """The suite of this row alone, as in its TOML file; it names recipes by files."""
    recipes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """The recipes of all trainings behind the row, by name, without what has its default."""
    command: tuple[str, ...] = ()
    """The words of the command that measured it; empty if it was another program."""
    plugins: dict[str, str] = Field(default_factory=dict)
    """By kind and name, such as "architecture espcn", the first digits of the hash of the code behind it."""
    weights: tuple[str, ...] = ()
    """The files of the measured weights."""
    logs: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """The logs of the workers that trained and measured it, on a cluster that has some."""


class Record(Stored):
    """One cell: one model measured on one dataset at one scale under one degradation."""

    version: Literal[1] = RECORD_VERSION
    key: str
    task: str = Field(default="sr", exclude_if=lambda task: task == "sr")
    """What the model does; see `srbench.tasks.task.Task`."""
    suite: str
    status: Literal["ok", "failed"]
    reason: str | None = None
    """The reason why it failed."""
    model: ModelFacts
    dataset: str
    dataset_label: str
    dataset_hash: str | None = None
    scale: Scale
    degradation: str
    degradation_label: str = ""
    degradation_setting: str = ""
    realisation: int | None = None
    """Number of the frozen realisation, from 0; None where only one was measured."""
    protocol: str
    """Name of the preset."""
    lr_source: str = ""
    inference: str = "whole"
    backend: str = Field(default="", exclude_if=operator.not_)
    """What ran the network, as in ``inference`` too: "onnxruntime-int8-qdq-pc"; empty for its module as it is."""
    drawn: str = Field(default="", exclude_if=operator.not_)
    """How sr was drawn, or the network fitted, as in ``inference`` too: "ddim-20,samples=4", "fit=3000"; empty for a
    network that one evaluation applies."""
    headline: str
    """The metric that ranks this table."""
    reference: str = Field(default="bicubic", exclude_if=lambda reference: reference == "bicubic")
    """The architecture over which gains are counted; empty for none."""
    controls: tuple[str, ...] = ()
    """Distillers of the suite over which gains are counted, besides the usual ones."""
    scores: dict[str, Score] = Field(default_factory=dict)
    images: tuple[ImageScores, ...] = ()
    representation_file: FileInside | None = None
    """The network's representations of each image's degradation, below the records folder; see
    `srbench.measuring.representations`."""
    attention_file: FileInside | None = Field(default=None, exclude_if=absent)
    """Where the network looks in some of the images, below the records folder; see
    `srbench.measuring.recognition.attention`."""
    certification: Certification | None = None
    profile: Profile | None = None
    environment: Environment | None = None
    deployment: Deployment | None = Field(default=None, exclude_if=absent)
    """None where PyTorch ran the network's module as it is."""
    image_costs: ImageCosts | None = Field(default=None, exclude_if=absent)
    """None where one evaluation of the network makes sr."""
    made_by: MadeBy | None = Field(default=None, exclude_if=absent)
    """None for rows that failed, and those that an earlier srbench measured."""
    doubts: tuple[str, ...] = ()
    """A sentence for each reason why the weights may be meant for something else."""
    seconds: float = 0.0
    created: str
    """UTC, ISO 8601."""

    @property
    def headline_score(self) -> Score | None:
        """The score of the metric that ranks its table; None if that was not measured."""
        return self.scores.get(self.headline)

    @property
    def samples(self) -> int:
        """Number of sr that were drawn for every image, over which scores are means; 0 for what draws none."""
        found = _SAMPLES.search(self.drawn) if self.drawn else None
        return int(found[1]) if found else int(bool(self.drawn) and not self.drawn.startswith("fit="))

    @property
    def applied(self) -> str:
        """How the network is applied, without its sampler, fit or backend: cells that differ in these share a table."""
        return self._shared(self.inference) if self.backend or self.drawn else self.inference

    def table_protocol(self, score: Score) -> str:
        """Return the protocol id of one of its scores without what the row of a table names; see `applied`."""
        return self._shared(score.protocol) if self.backend or self.drawn else score.protocol

    def _shared(self, way: str) -> str:
        for own in filter(None, (self.drawn, self.backend)):
            way = way.replace(f",{own}", "")
        return way

    @cached_property
    def row_id(self) -> RowId:
        """The row of the leaderboard that this is; of two records of a row the newer one counts."""
        m = self.model
        return RowId(
            architecture=m.architecture, checkpoint=m.checkpoint or "", distiller=m.distiller, teacher=m.teacher or "",
            recipe=m.training, seed=m.seed, dataset=self.dataset, scale=self.scale, degradation=self.degradation,
            train_degradation=m.train_degradation or "", protocol=self.protocol, inference=self.inference,
            realisation=self.realisation,
        )  # fmt: skip

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields changed, and with a row of its own."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("row_id", None)
        return copied
