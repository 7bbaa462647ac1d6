"""The table ``[search]`` of a suite: the networks to choose among, and how they are tried."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from srbench.toml import Table

Value: TypeAlias = bool | int | float | str
"""A value of a parameter."""
Cost: TypeAlias = Literal["parameters", "macs_g", "latency_ms"]
"""Trainable parameters, 1e9 multiply-accumulates for a 1280x720 output, or milliseconds on this machine."""


class Choices(Table):
    """Networks of one family: every combination of the values of its parameters."""

    family: str
    """A family of architectures with typed parameters, such as ``stack``."""
    choices: Annotated[dict[str, Annotated[tuple[Value, ...], Field(min_length=1)]], Field(min_length=1)]
    """Values by parameter; a parameter that is absent keeps its default."""


class Limits(Table):
    """What a network may cost; one that costs more is not trained."""

    parameters: int | None = Field(default=None, gt=0)
    """Trainable parameters."""
    macs_g: float | None = Field(default=None, gt=0)
    """Multiply-accumulates, 1e9, for a 1280x720 output."""
    latency_ms: float | None = Field(default=None, gt=0)
    """Median time of a forward pass on this machine, milliseconds, of an input of the size that ``[profile]`` gives."""


class Search(Table):
    """A search for networks with high scores at low costs."""

    dataset: str
    """Where networks are compared while the search lasts; never a dataset of the grid, so that no test image decides
    anything."""
    recipes: Annotated[tuple[str, ...], Field(min_length=1)]
    """How a network is trained in turn, the shortest first. After each but the last, one that is worse beyond chance
    than a network of no higher cost is given up."""
    trials: int = Field(default=40, ge=1)
    """Number of networks to train; ``--trials`` replaces it."""
    cost: Cost = "macs_g"
    """What the score is weighed against; see ``limits``."""
    sampler: Literal["nsga2", "tpe", "random"] = "nsga2"
    """How networks are proposed: by crossing those of the front, by a model of what scores well, or at random."""
    population: int = Field(default=12, ge=2)
    """Networks of a generation, for "nsga2"."""
    seed: int = 0
    """Seed of the proposals; trainings have the suite's first seed."""
    others: int = Field(default=4, ge=0)
    """Number of networks beside the front that are trained by the suite's recipe too. They show how well the scores of
    the search predict the final ones (Kendall's tau), which a front alone cannot."""
    limits: Limits = Limits()
    """What a network may cost; one that costs more is not trained."""
    network: Annotated[tuple[Choices, ...], Field(min_length=1)]
    """A family and the values of its parameters to choose from; several tables are searched together."""
