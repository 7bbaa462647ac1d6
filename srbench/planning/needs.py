"""The table ``[needs]`` of a suite: what its jobs need of the machines that do them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias, get_args

from pydantic import Field, TypeAdapter, ValidationError

from srbench.catalog.executors import Needs
from srbench.errors import UsageError
from srbench.toml import Table

JobKind: TypeAlias = Literal["train", "measure", "certify", "profile", "pace", "onnx"]
KINDS = get_args(JobKind)


class NeedsOfKind(Table):
    """What jobs of one kind need, in place of what srbench estimates."""

    gpus: int | None = Field(default=None, ge=0)
    """GPUs of a job; by default 1 with ``--device cuda`` for what computes, else 0."""
    cpus: int | None = Field(default=None, ge=1)
    """Cores of a job; by default those of ``--threads``, or 2."""
    memory_gib: float | None = Field(default=None, gt=0)
    """Memory of a job in GiB; by default from the profile of the network, where it is known."""
    hours: float | None = Field(default=None, gt=0)
    """How long a job may take; by default three times the estimate for the longest one."""
    silent_minutes: float | None = Field(default=None, gt=0)
    """How long a job may report no progress before it is taken from its worker; by default 60."""

    def applied_to(self, needs: Needs) -> Needs:
        """Return the needs with these in place of their own."""
        return replace(needs, **self.model_dump(exclude_none=True))


def changed_needs(needs: Mapping[JobKind, NeedsOfKind], words: Iterable[str]) -> dict[JobKind, NeedsOfKind]:
    """Return needs with those of ``--needs``, such as "train.hours=12", in place of their own.

    Raises:
        UsageError: A word is not one.
    """
    changes: dict[str, dict[str, Any]] = {kind: own.model_dump(exclude_none=True) for kind, own in needs.items()}
    for word in words:
        place, _, value = word.partition("=")
        kind, _, need = place.partition(".")
        if kind not in KINDS or need not in NeedsOfKind.model_fields or not value:
            raise UsageError(
                f"--needs {word} is not understood; give KIND.NEED=NUMBER, such as train.hours=12, with a kind of "
                f"{', '.join(KINDS)} and a need of {', '.join(NeedsOfKind.model_fields)}."
            )
        changes.setdefault(kind, {})[need] = value
    try:
        return TypeAdapter(dict[JobKind, NeedsOfKind]).validate_python(changes)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise UsageError(f"--needs {place}={fault['input']}: {fault['msg'].lower()}; give another number.") from error
