"""The identity of a row of a leaderboard."""

from __future__ import annotations

from typing import Literal, NamedTuple

from srbench.scales import Scale, plain_scale


class RowId(NamedTuple):
    """The identity of a row of a leaderboard; the fields are columns of ``leaderboard.csv``, in its order."""

    architecture: str
    checkpoint: str
    """Tag or file of given weights; "" without any, as all texts here."""
    distiller: str
    teacher: str
    recipe: str
    """See `training_title`."""
    seed: int | None
    dataset: str
    scale: Scale
    degradation: str
    train_degradation: str
    protocol: str
    inference: str
    realisation: int | None

    @property
    def cells(self) -> dict[str, str | int | float | None]:
        """Value by column."""
        return self._asdict() | {"scale": plain_scale(self.scale)}

    @property
    def method(self) -> RowId:
        """The part that all seeds and realisations of a method share in a table."""
        return self._replace(seed=None, realisation=None)


def training_title(recipe: str | None, budget: Literal["steps", "time"]) -> str:
    """The recipe's name, with the budget where it is not the recipe's steps: "quick, equal time"; "" without one."""
    return f"{recipe}, equal time" if budget == "time" else recipe or ""
