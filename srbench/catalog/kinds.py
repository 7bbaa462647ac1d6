"""The table of the kinds of things that a plugin can provide; what is common to all kinds follows from it.

A new kind is one row here, one hook in `srbench.catalog.hooks`, one contract in `srbench.testing`, and one template and
its test in `srbench/catalog/templates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from srbench.catalog.executors import ExecutorSpec
from srbench.catalog.shelf import Shelf
from srbench.datasets.spec import DatasetSpec
from srbench.degrading.spec import DegradationSpec, StepSpec
from srbench.deploying.spec import RuntimeSpec
from srbench.distilling.spec import DistillerSpec, LossSpec
from srbench.measuring.metrics.spec import ScoreSpec
from srbench.networks.recognition.spec import RecogniserSpec
from srbench.networks.spec import ArchitectureSpec

S = TypeVar("S")


class Kind(Generic[S]):
    """One kind of thing that a plugin can provide, a row of the table `Kinds`.

    Read from a catalog, it gives the catalog's shelf of this kind: ``catalog.losses["l1"]``.

    Attributes:
        name: Its name, in the singular: "architecture".
        plural: The plural, which is the name of the row in the table: "architectures".
        spec: The class of its specs.
        columns: What ``srbench list`` shows beside the name: fields of the spec, or cells of `srbench.catalog.listing`.
    """

    def __init__(self, name: str, spec: type[S], *columns: str) -> None:
        self.name, self.plural, self.spec, self.columns = name, "", spec, columns

    def __set_name__(self, table: type, plural: str) -> None:
        self.plural = plural

    @property
    def hook(self) -> str:
        """The hook by which a plugin provides it: "register_architectures"."""
        return f"register_{self.plural}"

    @overload
    def __get__(self, catalog: None, table: type[Kinds]) -> Kind[S]: ...
    @overload
    def __get__(self, catalog: Kinds, table: type[Kinds]) -> Shelf[S]: ...
    def __get__(self, catalog: Kinds | None, table: type[Kinds]) -> Kind[S] | Shelf[S]:
        return self if catalog is None else catalog.shelf(self.name)


@dataclass(frozen=True)
class Kinds:
    """Every kind, a row each; an object of this class has a shelf for every row."""

    shelves: Mapping[str, Shelf[Any]]
    """The shelves by the names of their kinds."""

    architectures = Kind(
        "architecture", ArchitectureSpec, "label", "scales", "paper", "checkpoints", "drawn", "license"
    )
    recognisers = Kind("recogniser", RecogniserSpec, "label", "paper", "license")
    distillers = Kind("distiller", DistillerSpec, "label", "teacher", "paper", "license")
    degradations = Kind("degradation", DegradationSpec, "label", "scales", "random", "paper")
    steps = Kind("step", StepSpec, "label", "parameters", "paper")
    metrics = Kind("metric", ScoreSpec, "label", "unit", "better", "task", "scored")
    losses = Kind("loss", LossSpec, "label", "paper")
    datasets = Kind("dataset", DatasetSpec, "label", "split", "images", "license")
    runtimes = Kind("runtime", RuntimeSpec, "label", "precisions", "license")
    executors = Kind("executor", ExecutorSpec, "label")

    def shelf(self, kind: str) -> Shelf[Any]:
        """Return the shelf of the kind of this name."""
        return self.shelves[kind]


KINDS: Mapping[str, Kind[Any]] = {kind.name: kind for kind in vars(Kinds).values() if isinstance(kind, Kind)}
"""Every row of `Kinds` by its name: "architecture", "distiller", …"""


def kind_of(spec: object) -> Kind[Any] | None:
    """Return the kind of a spec, by the nearest class of a kind that it is of; None if it is of no kind."""
    of_class = {kind.spec: kind for kind in KINDS.values()}
    return next((of_class[base] for base in type(spec).__mro__ if base in of_class), None)
