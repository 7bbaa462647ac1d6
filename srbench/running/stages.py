"""The stages of a run: their names, their versions, and the type of their results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from srbench.records import Certification, Profile, Stored
from srbench.running.results import MeasuredCell, Pace, Trained

R_co = TypeVar("R_co", bound=Stored, covariant=True)


@dataclass(frozen=True, slots=True)
class Stage(Generic[R_co]):
    """One kind of job."""

    name: str
    version: int
    """Raise it whenever the result changes for the same inputs."""
    result: type[R_co]

    def job(self, inputs: Mapping[str, object]) -> JobName[R_co]:
        """Name the job with these inputs by the sha256 of the canonical JSON of stage, version and inputs."""
        text = json.dumps(
            {"stage": self.name, "version": self.version, "inputs": inputs},
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=True,
            allow_nan=False,
        )
        return JobName(self, hashlib.sha256(text.encode()).hexdigest())


class JobName(NamedTuple, Generic[R_co]):
    """A stage, and the key of one job: the hash of everything that decides its result."""

    stage: Stage[R_co]
    key: str


PACE = Stage("pace", 3, Pace)
TRAIN = Stage("train", 2, Trained)
MEASURE = Stage("measure", 3, MeasuredCell)
CERTIFY = Stage("certify", 2, Certification)
PROFILE = Stage("profile", 2, Profile)
