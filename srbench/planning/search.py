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
    choices: Annotated[dict[str, Annotated[tuple[Value, ...], Field(min_length=1)]], Field(min_length=1)]
    """Values by parameter; a parameter that is absent keeps its default."""


class Limits(Table):
    """What a network may cost; one that costs more is not trained."""

    parameters: int | None = Field(default=None, gt=0)
    macs_g: float | None = Field(default=None, gt=0)
    latency_ms: float | None = Field(default=None, gt=0)
    """Median on this machine, of an input of the size that ``[profile]`` gives."""


class Search(Table):
    """A search for networks with high scores at low costs."""

    dataset: str
    """Where networks are compared while the search lasts; not a dataset of the grid, whose images decide nothing."""
    recipes: Annotated[tuple[str, ...], Field(min_length=1)]
    """How a network is trained in turn, the shortest first. After each but the last, one that is worse beyond chance
    than a network of no higher cost is given up."""
    trials: int = Field(default=40, ge=1)
    """Number of networks to train."""
    cost: Cost = "macs_g"
    """What the score is weighed against."""
    sampler: Literal["nsga2", "tpe", "random"] = "nsga2"
    """How networks are proposed: by crossing those of the front, by a model of what scores well, or at random."""
    population: int = Field(default=12, ge=2)
    """Networks of a generation, for "nsga2"."""
    seed: int = 0
    others: int = Field(default=4, ge=0)
    """Number of networks beside the front that are trained by the suite's recipe too. They show how well the scores of
    the search predict the final ones, which a front alone cannot."""
    limits: Limits = Limits()
    network: Annotated[tuple[Choices, ...], Field(min_length=1)]
