"""What all stored objects share: frozen, checked, and a reason in the place of every missing number."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator


def absent(value: object) -> bool:
    """Return True for None, which fields that most records lack leave out of the file."""
    return value is None


class Stored(BaseModel):
    """Base of all stored objects: frozen, and without keys that srbench does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _inside(name: str) -> str:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name.partition("/")[0]:
        raise ValueError(f"the file {name!r} is outside the folder of the records")
    return name


FileInside = Annotated[str, AfterValidator(_inside)]
"""A file below the folder that a stored object is in; records come from strangers too."""


class Measured(Stored):
    """A number, or the reason why it is missing."""

    value: float | None = None
    """The number, in the unit of its name."""
    reason: str | None = None
    """The reason why there is no number; one sentence."""

    @model_validator(mode="after")
    def _either(self) -> Measured:
        if (self.value is None) == (self.reason is None):
            raise ValueError("give a value or a reason, one of the two")
        return self
